import { WatchnextError } from '../../errors.js';
import type { Column, FeatureBatch } from '../types.js';
import type { ColumnShape, EncodedBatch } from './batch-codec.js';

/** From so many words on, `set` is quicker than a loop: it needs a view. */
const manyWords = 128;

/**
 * Batches of the same columns, one after the other: as concatBatches of what each decodes to, without an array for each column
 * of each. Throws data_invalid where columns differ.
 */
export function concatEncoded(batches: readonly EncodedBatch[]): FeatureBatch {
  const [first] = batches;
  if (first === undefined) return { requests: 0, rows: 0, requestOf: new Int32Array(0), columns: new Map() };
  for (const { columns } of batches) if (columns !== first.columns) requireAlike(first.columns, columns);
  let requests = 0;
  let rows = 0;
  for (const batch of batches) {
    requests += batch.requests;
    rows += batch.rows;
  }
  const requestOf = requestsOf(batches, rows);
  const columns = new Map<string, Column>();
  let next = 1; // behind requestOf
  for (const { name, side, width } of first.columns) {
    const entries = side === 'request' ? requests : rows;
    const count = countOf[side];
    const array = next;
    if (width > 0) {
      next += 1;
      const values = new Float32Array(entries * width);
      copyWords(batches, array, { to: new Uint32Array(values.buffer), sizeOf: (batch) => batch[count] * width });
      columns.set(name, { side, type: 'numbers', width, values });
    } else {
      next += 2;
      const offsets = offsetsOf(batches, { array, entries, count });
      const keys = new Uint32Array(2 * (offsets[entries] ?? 0));
      const sizeOf = (batch: EncodedBatch): number => 2 * (batch.words[(batch.places[array] ?? 0) + batch[count]] ?? 0);
      copyWords(batches, array + 1, { to: keys, sizeOf });
      columns.set(name, { side, type: 'keys', offsets, keys });
    }
  }
  return { requests, rows, requestOf, columns };
}

const countOf = { request: 'requests', candidate: 'rows' } as const;

interface Copied {
  readonly to: Uint32Array;
  /** How many words of a batch. */
  readonly sizeOf: (batch: EncodedBatch) => number;
}

function copyWords(batches: readonly EncodedBatch[], array: number, { to, sizeOf }: Copied): void {
  let at = 0;
  for (const batch of batches) {
    const { words, places } = batch;
    const from = places[array] ?? 0;
    const size = sizeOf(batch);
    if (size < manyWords) for (let i = 0; i < size; i++) to[at + i] = words[from + i] ?? 0;
    else to.set(words.subarray(from, from + size), at);
    at += size;
  }
}

/** [rows] the request of each, counted over all batches. */
function requestsOf(batches: readonly EncodedBatch[], rows: number): Int32Array {
  const requestOf = new Int32Array(rows);
  let requests = 0;
  let row = 0;
  for (const batch of batches) {
    const from = batch.places[0] ?? 0;
    for (let i = 0; i < batch.rows; i++) requestOf[row++] = requests + (batch.words[from + i] ?? 0);
    requests += batch.requests;
  }
  return requestOf;
}

/** [entries + 1] where the bags of a column begin, counted over all batches. */
function offsetsOf(
  batches: readonly EncodedBatch[],
  { array, entries, count }: { readonly array: number; readonly entries: number; readonly count: 'requests' | 'rows' },
): Int32Array {
  const offsets = new Int32Array(entries + 1);
  let entry = 0;
  let bags = 0;
  for (const batch of batches) {
    const from = batch.places[array] ?? 0;
    for (let i = 1; i <= batch[count]; i++) offsets[++entry] = bags + (batch.words[from + i] ?? 0);
    bags = offsets[entry] ?? 0;
  }
  return offsets;
}

function requireAlike(columns: readonly ColumnShape[], others: readonly ColumnShape[]): void {
  const other = columns.find(({ name, side, width }, i) => {
    const same = others[i];
    return name !== same?.name || side !== same.side || width !== same.width;
  });
  if (other !== undefined || columns.length !== others.length)
    throw new WatchnextError('data_invalid', `Column ${other?.name ?? ''} differs between the batches.`);
}
