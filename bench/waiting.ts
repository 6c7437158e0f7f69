import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createZipf } from '../load-tests/generator/index.js';
import { fingerprint, type RankerDefinition } from '../src/definition/index.js';
import { decodeEvent, encodeEvent } from '../src/events/index.js';
import type { Fields } from '../src/features/index.js';
import { createJoiner } from '../src/join/index.js';
import { SeededRandom } from '../src/random.js';
import { median, type BenchTable } from './table.js';

const items = 5000;
const rows = 200;
/** Until what is known of items has its final size. */
const before = 1500;
const lists = 20_000;
/** Between two looks at the clock of the CPU, which take long. */
const atOnce = 250;
const begin = Date.UTC(2026, 0, 5);

/**
 * What a list that waits for feedback costs a service that follows its own log: memory, and how long the garbage collector
 * stops everybody else for it.
 */
export function runWaitingBench(definition: RankerDefinition): BenchTable {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = (): { heap: number; external: number } => {
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return { heap: heapUsed, external };
  };
  const collection = (): number =>
    median(
      Array.from({ length: 5 }, () => {
        const start = performance.now();
        collect();
        return performance.now() - start;
      }),
    );

  const joiner = createJoiner(definition, { examples: false });
  const show = showing(definition);
  let cpuUs = 0;
  const take = (from: number, until: number): void => {
    for (let first = from; first < until; first += atOnce) {
      const values = Array.from({ length: Math.min(atOnce, until - first) }, (_, i) => show(first + i));
      const start = process.cpuUsage();
      values.forEach((value, i) => {
        const event = decodeEvent(value);
        joiner.take({ time: event.time, partition: 0, offset: first + i, from: first + i, event, value });
        joiner.advance(Number.NEGATIVE_INFINITY);
      });
      const { user, system } = process.cpuUsage(start);
      cpuUs += user + system;
    }
  };
  take(0, before);
  const [first, short] = [held(), collection()];
  cpuUs = 0;
  take(before, before + lists);
  const [last, long] = [held(), collection()];
  const perList = (bytes: number): number => Math.round(bytes / lists);
  return {
    title: `Lists of ${rows} that wait for feedback`,
    columns: ['lists', 'heap B/list', 'beside it B/list', 'CPU µs/list', 'full collection ms', `ms with ${before}`],
    rows: [
      [
        before + lists,
        perList(last.heap - first.heap),
        perList(last.external - first.external),
        perList(cpuUs),
        Number(long.toFixed(1)),
        Number(short.toFixed(1)),
      ],
    ],
    notes: [
      `As a service follows its own log for feature state; ${items} items with texts as ids, the often shown ones far more often.`,
      'CPU of reading and joining one list; a collection stops everything, its median of five.',
    ],
  };
}

/** Impressions as bytes, by number: items drawn by Zipf's law, each with the same fields in every list. */
function showing(definition: RankerDefinition): (list: number) => Uint8Array {
  const zipf = createZipf({ count: items, exponent: 1 });
  const random = new SeededRandom(1);
  const fieldsOf = Array.from({ length: items }, (_, item): Fields => ({
    item_id: `video-${item}`,
    author: item % 1000,
    ...Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`number_${i}`, Math.round(1000 * Math.sin(i + item)) / 1000]),
    ),
  }));
  const tasks = Object.keys(definition.tasks);
  const mark = fingerprint(definition);
  return (list) => {
    const shown = zipf.drawDistinct(rows, random);
    const userId = `user-${(list * 7919) % 5000}`;
    return encodeEvent({
      kind: 'impression',
      time: begin + list,
      requestId: `0190a1b2-7c3d-7e4f-8a5b-${String(list).padStart(12, '0')}`,
      userId,
      ranker: definition.name,
      version: '20260105T000000Z-ab12cd',
      fingerprint: mark,
      arms: {},
      weights: { click: 1 },
      tasks,
      candidates: rows,
      items: shown.map((item, row) => ({
        id: `video-${item}`,
        position: row + 1,
        row,
        score: 1 / (row + 1),
        propensity: 1,
      })),
      heads: new Float32Array(rows * tasks.length),
      fields: {
        user: { user_id: userId },
        context: {},
        candidates: shown.map((item) => fieldsOf[item] ?? {}),
      },
      features: { requests: 1, rows, requestOf: new Int32Array(rows), columns: new Map() },
    });
  };
}
