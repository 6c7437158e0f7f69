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

/** The batch of these bytes, as views of them where they are aligned to 8. Throws artifact_damaged for anything else. */
export function decodeFeatureBatch(bytes: Uint8Array): FeatureBatch {
  const frame = decodeFrame(bytes, format);
  const header = frame.header;
  if (!isHeader(header)) throw frame.damaged('its header does not describe columns');
  const { requests, rows } = header;
  const requestOf = frame.next('i32', rows);
  if (!ascending(requestOf, requests - 1)) throw frame.damaged('its rows are not in the order of its requests');
  const columns = new Map<string, Column>();
  for (const { name, side, width } of header.columns) {
    const entries = side === 'request' ? requests : rows;
    if (columns.has(name)) throw frame.damaged(`column ${name} is there twice`);
    columns.set(
      name,
      width === 0
        ? decodeKeys(frame, side, entries)
        : { side, type: 'numbers', width, values: frame.next('f32', entries * width) },
    );
  }
  if (frame.left > 0) throw frame.damaged('it holds more arrays than columns');
  return { requests, rows, requestOf, columns };
}

function decodeKeys(frame: Frame, side: Side, entries: number): Column {
  const offsets = frame.next('i32', entries + 1);
  const bags = offsets[entries] ?? 0;
  if (offsets[0] !== 0 || !ascending(offsets, bags)) throw frame.damaged('the offsets of a column do not ascend');
  return { side, type: 'keys', offsets, keys: frame.next('u32', 2 * bags) };
}

/** Whether numbers do not descend and stay in [0, most]. */
function ascending(numbers: Int32Array, most: number): boolean {
  let previous = 0;
  for (const number of numbers) {
    if (number < previous) return false;
    previous = number;
  }
  return numbers.length === 0 || previous <= most;
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;

function isHeader(header: unknown): header is Header {
  const { requests, rows, columns } = (header ?? {}) as Partial<Record<keyof Header, unknown>>;
  return isCount(requests) && isCount(rows) && Array.isArray(columns) && columns.every(isColumn);
}

function isColumn(column: unknown): boolean {
  const { name, side, width } = (column ?? {}) as Partial<Record<string, unknown>>;
  return typeof name === 'string' && (side === 'request' || side === 'candidate') && isCount(width);
}
