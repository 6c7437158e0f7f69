import type { Column, FeatureBatch } from '../features/index.js';

/**
 * A batch on its way to another thread: all its numbers in one buffer, which is given away. Cloning a batch as it is costs
 * an allocation per column on both sides (measured with 70 columns: half of what the sending thread did per request).
 */
export interface Parcel {
  readonly requests: number;
  readonly rows: number;
  /** Per column: name, side, type and width. The same for every batch of a reader, so the receiver parses it once. */
  readonly columns: string;
  /** 4-byte words: how long each array is, then the arrays: requestOf, then per column values, or offsets and keys. */
  readonly words: Uint32Array<ArrayBuffer>;
}

interface ColumnShape {
  readonly name: string;
  readonly side: Column['side'];
  readonly type: Column['type'];
  readonly width: number;
}

/** Copies; the batch stays the caller’s. */
export const packBatch = ({ requests, rows, requestOf, columns }: FeatureBatch): Parcel => {
  let arrays = 1;
  let length = requestOf.length;
  let shapes = '';
  for (const [name, column] of columns) {
    const { side, type } = column;
    if (type === 'numbers') {
      arrays += 1;
      length += column.values.length;
      shapes += `${name}\t${side}\t${type}\t${column.width}\n`;
    } else {
      arrays += 2;
      length += column.offsets.length + column.keys.length;
      shapes += `${name}\t${side}\t${type}\t0\n`;
    }
  }
  const words = new Uint32Array(arrays + length);
  // Each kind of number is copied by a view of its own kind: bits, and no view made for every column.
  const integers = new Int32Array(words.buffer);
  const floats = new Float32Array(words.buffer);
  let array = 0;
  let at = arrays;
  const place = (values: ArrayLike<number>): number => {
    const from = at;
    words[array++] = values.length;
    at += values.length;
    return from;
  };
  integers.set(requestOf, place(requestOf));
  for (const column of columns.values()) {
    if (column.type === 'numbers') floats.set(column.values, place(column.values));
    else {
      integers.set(column.offsets, place(column.offsets));
      words.set(column.keys, place(column.keys));
    }
  }
  return { requests, rows, columns: shapes, words };
};

const parsed = new Map<string, readonly ColumnShape[]>();

const shapesOf = (text: string): readonly ColumnShape[] => {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const shapes = text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [name = '', side, type, width] = line.split('\t');
      return { name, side: side as Column['side'], type: type as Column['type'], width: Number(width) };
    });
  if (parsed.size > 100) parsed.clear();
  parsed.set(text, shapes);
  return shapes;
};

/** The batch again, as views into the parcel. */
export const unpackBatch = ({ requests, rows, columns: text, words }: Parcel): FeatureBatch => {
  const shapes = shapesOf(text);
  let array = 0;
  let at = 1 + shapes.reduce((sum, { type }) => sum + (type === 'numbers' ? 1 : 2), 0);
  const next = (): { readonly offset: number; readonly length: number } => {
    const length = words[array++] ?? 0;
    const offset = words.byteOffset + 4 * at;
    at += length;
    return { offset, length };
  };
  const integers = (): Int32Array => {
    const { offset, length } = next();
    return new Int32Array(words.buffer, offset, length);
  };
  const requestOf = integers();
  const columns = new Map<string, Column>();
  for (const { name, side, type, width } of shapes) {
    if (type === 'numbers') {
      const { offset, length } = next();
      columns.set(name, { side, type, width, values: new Float32Array(words.buffer, offset, length) });
    } else {
      const offsets = integers();
      const { offset, length } = next();
      columns.set(name, { side, type, offsets, keys: new Uint32Array(words.buffer, offset, length) });
    }
  }
  return { requests, rows, requestOf, columns };
};
