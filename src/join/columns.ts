import type { Frame, FrameArray } from '../features/index.js';

type Numbers = Float64Array | Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
type Kind<T extends Numbers> = new (buffer: ArrayBuffer) => T;

/** One of several columns that are written side by side. */
export interface Written {
  readonly byteLength: number;
  /** As arrays of a frame; to be copied from before anything is added. */
  arrays(): FrameArray[];
  /** Empties it; its memory stays for what comes next. */
  clear(): void;
}

/** Several as one, written in this order. */
export class ColumnGroup implements Written {
  readonly #columns: readonly Written[];

  constructor(columns: readonly Written[]) {
    this.#columns = columns;
  }

  get byteLength(): number {
    let bytes = 0;
    for (const { byteLength } of this.#columns) bytes += byteLength;
    return bytes;
  }

  arrays(): FrameArray[] {
    return this.#columns.flatMap((column) => column.arrays());
  }

  clear(): void {
    for (const column of this.#columns) column.clear();
  }
}

/** A column of numbers that grows. */
export class Column<T extends Numbers> implements Written {
  readonly #kind: Kind<T>;
  readonly #bytesEach: number;
  #values: T;
  #length = 0;

  constructor(kind: Kind<T>) {
    this.#kind = kind;
    this.#values = new kind(new ArrayBuffer(4096));
    this.#bytesEach = this.#values.BYTES_PER_ELEMENT;
  }

  get length(): number {
    return this.#length;
  }

  get byteLength(): number {
    return this.#length * this.#bytesEach;
  }

  add(value: number): void {
    if (this.#length === this.#values.length) this.room(1);
    this.#values[this.#length++] = value;
  }

  addAll(values: ArrayLike<number>): void {
    this.room(values.length).set(values, this.#length);
    this.#length += values.length;
  }

  /** What may be written to behind the end, `more` elements at least, until `grow` says how many were. */
  room(more: number): T {
    const needed = this.#length + more;
    if (needed > this.#values.length) {
      const bytes = Math.max(2 * this.#values.byteLength, aligned(needed * this.#bytesEach));
      const larger = new this.#kind(new ArrayBuffer(bytes));
      larger.set(this.#values.subarray(0, this.#length));
      this.#values = larger;
    }
    return this.#values;
  }

  grow(by: number): void {
    this.#length += by;
  }

  /** Of two bytes or one as words, filled up with zeros. */
  arrays(): FrameArray[] {
    const values = this.#values;
    if (!(values instanceof Uint16Array || values instanceof Uint8Array)) {
      return [values.subarray(0, this.#length)];
    }
    const words = Math.ceil(this.byteLength / 4);
    new Uint8Array(values.buffer).fill(0, this.byteLength, 4 * words);
    return [new Uint32Array(values.buffer, 0, words)];
  }

  clear(): void {
    this.#length = 0;
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Set in the length of a text that UTF-8 cannot hold, half of a pair of surrogates: it is UTF-16 then. */
const asUtf16 = 0x80000000;
const halfPair = /\p{Surrogate}/u;
const encoder = new TextEncoder();

/** Texts: their lengths in bytes, and all their bytes. */
export class TextColumn implements Written {
  readonly #lengths = new Column(Uint32Array);
  readonly #bytes = new Column(Uint8Array);

  get byteLength(): number {
    return this.#lengths.byteLength + this.#bytes.byteLength;
  }

  add(text: string): void {
    const { length } = text;
    const bytes = this.#bytes.room(3 * length);
    const start = this.#bytes.length;
    let at = 0;
    // Nearly all are short and plain: a call to encode one takes longer.
    for (; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) break;
      bytes[start + at] = code;
    }
    let mark = 0;
    if (at < length) {
      if (halfPair.test(text)) {
        at = Buffer.from(bytes.buffer, start).write(text, 'utf16le');
        mark = asUtf16;
      } else at = encoder.encodeInto(text, bytes.subarray(start)).written;
    }
    this.#bytes.grow(at);
    this.#lengths.add(at + mark);
  }

  arrays(): FrameArray[] {
    return [...this.#lengths.arrays(), ...this.#bytes.arrays()];
  }

  clear(): void {
    this.#lengths.clear();
    this.#bytes.clear();
  }
}

/** The next arrays of a frame as what a column was told, one after the other. */
export interface Read<T> {
  /** Throws damaged where there are no more. */
  next(): T;
  /** Throws damaged unless all were read. */
  end(): void;
}

const endOf = (frame: Frame, name: string, { at, length }: { at: number; length: number }): void => {
  if (at !== length) throw frame.damaged(`its ${name} are ${length}, of which ${at} belong to something`);
};

/** Bytes that lie in the next array; `frame.next` has checked that they are there. */
export function bytesOf(frame: Frame): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = frame.next('u32');
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Numbers of two bytes that lie in the next array. */
export function shortsOf(frame: Frame): Uint16Array {
  const { buffer, byteOffset, length } = frame.next('u32');
  return new Uint16Array(buffer, byteOffset, 2 * length);
}

/** Runs of numbers, as views of them. */
export function readRuns<T extends Numbers>(
  frame: Frame,
  name: string,
  values: T,
): { next(length: number): T; end(): void } {
  let at = 0;
  return {
    next(length) {
      at += length;
      if (at > values.length) throw frame.damaged(`its ${name} end early`);
      return values.subarray(at - length, at) as T;
    },
    // What fills up a word is none of them.
    end: () => {
      if (values.length - at >= 4 / values.BYTES_PER_ELEMENT) endOf(frame, name, { at, length: values.length });
    },
  };
}

export function readTexts(frame: Frame, name: string): Read<string> {
  const lengths = frame.next('u32');
  const bytes = bytesOf(frame);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [index, at] = [0, 0];
  return {
    next() {
      if (index === lengths.length) throw frame.damaged(`its ${name} end early`);
      const marked = lengths[index++] ?? 0;
      const length = marked & ~asUtf16;
      at += length;
      if (at > buffer.length) throw frame.damaged(`its ${name} end early`);
      return buffer.toString(marked === length ? 'utf8' : 'utf16le', at - length, at);
    },
    end: () => endOf(frame, name, { at: index, length: lengths.length }),
  };
}
