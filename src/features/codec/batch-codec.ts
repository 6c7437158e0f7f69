import type { Column, FeatureBatch, Side } from '../types.js';
import { decodeFrame, encodeFrame, type Frame, type FrameArray } from './frame.js';

const format = { magic: 'WNFB', version: 1, what: 'feature batch', sharesHeaders: true };

interface Header {
  readonly requests: number;
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly side: Side; readonly width: number }[]; // 0: keys
}

/** A batch as bytes (little-endian, versioned, checksummed); the same bytes for the same values. */
export function encodeFeatureBatch(batch: FeatureBatch): Uint8Array {
  const columns = [...batch.columns];
  const header: Header = {
    requests: batch.requests,
    rows: batch.rows,
    columns: columns.map(([name, column]) => ({
      name,
      side: column.side,
      width: column.type === 'numbers' ? column.width : 0,
    })),
  };
  const arrays = columns.flatMap(([, column]): FrameArray[] =>
    column.type === 'numbers' ? [column.values] : [column.offsets, column.keys],
  );
  return encodeFrame(format, header, [batch.requestOf, ...arrays]);
}

/** How a column lies in a batch's bytes; `width` 0: keys. */
export type ColumnShape = Header['columns'][number];

/**
 * A batch that is still its bytes, checked: of many small ones, an object and an array for each column are most of what they
 * cost. `concatEncoded` makes one batch of them.
 */
export interface EncodedBatch {
  readonly requests: number;
  readonly rows: number;
  /** Often the same array in batches of the same columns; not to be changed. */
  readonly columns: readonly ColumnShape[];
  /** What they lie in. */
  readonly words: Uint32Array;
  /** [arrays] by array the word where it begins: `requestOf`, then of each column its values, or its offsets and its keys. */
  readonly places: readonly number[];
}

/** Throws artifact_damaged for anything that encodeFeatureBatch did not write. */
export function openFeatureBatch(bytes: Uint8Array): EncodedBatch {
  const frame = decodeFrame(bytes, format);
  const { words } = frame;
  const { requests, rows, columns } = headerOf(frame);
  const places = [frame.place('i32', rows)];
  if (!ascending(words, places[0] ?? 0, rows, requests - 1))
    throw frame.damaged('its rows are not in the order of its requests');
  for (const { side, width } of columns) {
    const entries = side === 'request' ? requests : rows;
    if (width > 0) places.push(frame.place('f32', entries * width));
    else {
      const offsets = frame.place('i32', entries + 1);
      const bags = words[offsets + entries] ?? 0;
      if (words[offsets] !== 0 || !ascending(words, offsets, entries + 1, bags))
        throw frame.damaged('the offsets of a column do not ascend');
      places.push(offsets, frame.place('u32', 2 * bags));
    }
  }
  if (frame.left > 0) throw frame.damaged('it holds more arrays than columns');
  return { requests, rows, columns, words, places };
}

/** The batch of these bytes, as views of them where they are aligned to 8. Throws artifact_damaged for anything else. */
export function decodeFeatureBatch(bytes: Uint8Array): FeatureBatch {
  const { requests, rows, columns, words, places } = openFeatureBatch(bytes);
  const buffer = words.buffer as ArrayBuffer;
  let array = 0;
  const next = (): number => words.byteOffset + 4 * (places[array++] ?? 0);
  const requestOf = new Int32Array(buffer, next(), rows);
  const named = columns.map(({ name, side, width }): [string, Column] => {
    const entries = side === 'request' ? requests : rows;
    if (width > 0)
      return [name, { side, type: 'numbers', width, values: new Float32Array(buffer, next(), entries * width) }];
    const offsets = new Int32Array(buffer, next(), entries + 1);
    return [name, { side, type: 'keys', offsets, keys: new Uint32Array(buffer, next(), 2 * (offsets[entries] ?? 0)) }];
  });
  return { requests, rows, requestOf, columns: new Map(named) };
}

/** Whether `length` numbers from a word on do not descend and stay in [0, most]; negative ones read as too large. */
function ascending(words: Uint32Array, from: number, length: number, most: number): boolean {
  let previous = 0;
  for (let at = from; at < from + length; at++) {
    const number = words[at] ?? 0;
    if (number < previous) return false;
    previous = number;
  }
  return length === 0 || previous <= most;
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;

/** Headers are shared by the batches that have the same: each is looked at once. */
const checked = new WeakSet<object>();

function headerOf(frame: Frame): Header {
  const { header } = frame;
  if (checked.has(header as object)) return header as Header;
  if (!isHeader(header)) throw frame.damaged('its header does not describe columns');
  const names = new Set<string>();
  for (const { name } of header.columns) {
    if (names.has(name)) throw frame.damaged(`column ${JSON.stringify(name)} is in it twice`);
    names.add(name);
  }
  checked.add(header);
  return header;
}

function isHeader(header: unknown): header is Header {
  if (typeof header !== 'object' || header === null) return false;
  const { requests, rows, columns } = header as Partial<Record<keyof Header, unknown>>;
  return isCount(requests) && isCount(rows) && Array.isArray(columns) && columns.every(isColumn);
}

function isColumn(column: unknown): boolean {
  const { name, side, width } = (column ?? {}) as Partial<Record<string, unknown>>;
  return typeof name === 'string' && (side === 'request' || side === 'candidate') && isCount(width);
}
