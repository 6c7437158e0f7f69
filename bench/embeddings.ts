import { performance } from 'node:perf_hooks';
import { EmbeddingTable, parseTable, type SparseOptimizerOptions } from '../src/embeddings/index.js';
import type { BenchTable } from './table.js';

const dim = 16;
const batch = 1024;
const bag = 10;
const millions = [1, 5, 10];
const adagrad: SparseOptimizerOptions = { kind: 'rowwise_adagrad', rate: 0.01 };
const adam: SparseOptimizerOptions = { kind: 'lazy_adam', rate: 0.001 };

/**
 * Embedding tables of 1, 5 and 10 million ids: memory per id, and the rates of what a step and a request do, on ids drawn
 * evenly (the hardest case: nearly every one misses the caches). One thread.
 */
export function runEmbeddingsBench(): Promise<BenchTable> {
  const rows = [
    ...millions.map((count) => measure(count * 1_000_000, adagrad)),
    measure(1_000_000, adam),
    measureMap(1_000_000),
  ];
  return Promise.resolve({
    title: `Embedding tables, dim ${dim}`,
    columns: [
      'ids',
      'optimiser',
      'bytes/id serving',
      'bytes/id training',
      'admissions/s',
      'lookups/s',
      'pooled gathers/s',
      'update ns/row',
    ],
    rows,
    notes: [
      `A lookup pools bags of one id, a pooled gather bags of ${bag}; both count ids per second, rows read and added.`,
      `An update is accumulate and the optimiser's step over ${batch * bag} ids drawn evenly, per id.`,
      `A row is ${4 * dim} bytes of numbers and 8 of hash; the rest is the index and, in training, state and slack for growth.`,
      'The last line is a Map from text ids to Float32Array, for comparison; its memory is not measured.',
    ],
  });
}

function measure(count: number, optimizer: SparseOptimizerOptions): (string | number)[] {
  let table = new EmbeddingTable({ dim, seed: 1, optimizer });
  const admissions = rate(count, () => {
    const keys = new Uint32Array(2 * 65_536);
    for (let first = 0; first < count; first += 65_536) {
      const ids = Math.min(65_536, count - first);
      for (let id = 0; id < ids; id += 1) writeKey(keys, id, first + id);
      table.admit(keys.subarray(0, 2 * ids), 0);
    }
  });
  const trainingBytes = table.byteLength / count;
  const lookups = pooling(table, count, 1);
  const gathers = pooling(table, count, bag);
  const update = updating(table, count);
  table = parseTable(table.serialise({ training: false }));
  const served = table.byteLength / count;
  return [
    count,
    optimizer.kind,
    Math.round(served),
    Math.round(trainingBytes),
    Math.round(admissions),
    Math.round(lookups),
    Math.round(gathers),
    Math.round(update),
  ];
}

function pooling(table: EmbeddingTable, count: number, perBag: number): number {
  const rounds = 2_000_000 / (batch * perBag);
  const bags = Array.from({ length: 64 }, (_, seed) => randomBags(count, perBag, seed));
  const out = new Float32Array(batch * dim);
  return rate(Math.floor(rounds) * batch * perBag, () => {
    for (let round = 0; round < Math.floor(rounds); round += 1) {
      const { offsets, keys } = bags[round % bags.length] as ReturnType<typeof randomBags>;
      table.pool({ offsets, keys, out, stride: dim, offset: 0 });
    }
  });
}

function updating(table: EmbeddingTable, count: number): number {
  const gradient = Float32Array.from({ length: batch * dim }, (_, i) => Math.sin(i) / batch);
  const rounds = 100;
  const bags = Array.from({ length: rounds }, (_, seed) => randomBags(count, bag, seed));
  const perSecond = rate(rounds * batch * bag, () => {
    for (const { offsets, keys } of bags) {
      table.accumulate({ offsets, keys, gradient, stride: dim, offset: 0 });
      table.update(1);
    }
  });
  return 1e9 / perSecond;
}

function measureMap(count: number): (string | number)[] {
  const map = new Map<string, Float32Array>();
  const admissions = rate(count, () => {
    for (let id = 0; id < count; id += 1) map.set(`video${id}`, new Float32Array(dim));
  });
  const wanted = Array.from({ length: 1_000_000 }, (_, i) => `video${scramble(i) % count}`);
  const out = new Float32Array(dim);
  const lookups = rate(wanted.length, () => {
    for (const id of wanted) {
      const row = map.get(id) as Float32Array;
      for (let column = 0; column < dim; column += 1) (out[column] as number) += row[column] as number;
    }
  });
  return [count, 'Map<string, Float32Array>', '', '', Math.round(admissions), Math.round(lookups), '', ''];
}

function randomBags(count: number, perBag: number, seed: number): { offsets: Int32Array; keys: Uint32Array } {
  const keys = new Uint32Array(2 * batch * perBag);
  for (let key = 0; key < batch * perBag; key += 1) {
    writeKey(keys, key, scramble(seed * batch * perBag + key) % count);
  }
  return { offsets: Int32Array.from({ length: batch + 1 }, (_, i) => i * perBag), keys };
}

/** A 64-bit hash of a counter; injective in the low half. */
function writeKey(keys: Uint32Array, place: number, id: number): void {
  keys[2 * place] = scramble(id ^ 0x5bd1e995);
  keys[2 * place + 1] = scramble(id);
}

function scramble(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  word = Math.imul(word ^ (word >>> 15), 0x846ca68b);
  return (word ^ (word >>> 16)) >>> 0;
}

/** Things per second. */
function rate(things: number, run: () => void): number {
  const start = performance.now();
  run();
  return things / ((performance.now() - start) / 1000);
}
