/** Rows of [time, values...]; both arrays are replaced when there are more, so read them anew after a row was made. */
export interface Cells {
  /** Float64s per row: the time and the values. */
  readonly stride: number;
  readonly values: Float64Array; // [rows, stride]
  /** The same bytes as 32-bit words, for kinds that keep keys in their cells. */
  readonly words: Uint32Array;
}

/** Bit for bit: as words, since no engine promises the bits of a NaN that it has looked at. */
export function copyRow(from: Cells, fromRow: number, to: Cells, toRow: number): void {
  const words = 2 * to.stride;
  const [source, target, fromWord, toWord] = [from.words, to.words, fromRow * words, toRow * words];
  for (let i = 0; i < words; i++) target[toWord + i] = source[fromWord + i] ?? 0;
}

/** Rows that a larger index takes over with each new one: it has all long before it is full itself. */
const movedPerRow = 4;

/**
 * Cells of one stateful feature: rows of float64 found by a 64-bit key in an open-addressing table over typed arrays.
 * At 1 million keys this takes 16 bytes a key beside the values, where a Map of arrays takes hundreds.
 *
 * A row is [time, values...]. Rows keep their order of creation, so that a restored table is the same bytes.
 */
export class CellTable implements Cells {
  readonly stride: number;
  values: Float64Array;
  words: Uint32Array;
  keys: Uint32Array; // [rows, 2]
  size: number;
  #slots: Int32Array; // row + 1, 0 = empty
  /** While a larger index takes over: the one before, and how many of its rows the larger one has. */
  #before: { readonly slots: Int32Array; readonly rows: number; moved: number } | undefined;
  readonly #fadesAfterMs: number;
  readonly #isKept: ((row: number) => boolean) | undefined;
  readonly #onMove: ((places: Int32Array) => void) | undefined;

  constructor(width: number, options: CellTableOptions = {}) {
    this.stride = width + 1;
    this.#fadesAfterMs = options.fadesAfterMs ?? Number.POSITIVE_INFINITY;
    this.#isKept = options.isKept;
    this.#onMove = options.onMove;
    const rows = options.rows ?? { keys: new Uint32Array(0), values: new Float64Array(0) };
    this.keys = rows.keys.slice();
    this.values = rows.values.slice();
    this.words = new Uint32Array(this.values.buffer);
    this.size = this.keys.length / 2;
    this.#slots = this.#index(this.size);
  }

  /** The row of a key, or -1. */
  find(high: number, low: number): number {
    const row = this.#findIn(this.#slots, high, low);
    return row >= 0 || this.#before === undefined ? row : this.#findIn(this.#before.slots, high, low);
  }

  /** The row of a key; made, all zeros at `time`, if there is none. */
  insert(high: number, low: number, time: number): number {
    const found = this.find(high, low);
    return found >= 0 ? found : this.add(high, low, time);
  }

  /** The row of a key that has none yet: all zeros at `time`. */
  add(high: number, low: number, time: number): number {
    if (2 * this.size >= this.keys.length) this.#grow(time);
    const row = this.size++;
    this.keys[2 * row] = high;
    this.keys[2 * row + 1] = low;
    this.values[row * this.stride] = time;
    if (this.size * 3 > this.#slots.length * 2) this.#widen(row);
    this.#place(this.#slots, row);
    this.#takeOver();
    return row;
  }

  /** Drops the cells whose last outcome is before `time` (ms since epoch), unless they are kept; answers how many. */
  expire(time: number): number {
    const places = this.#onMove === undefined ? undefined : new Int32Array(this.size).fill(-1);
    let kept = 0;
    for (let row = 0; row < this.size; row++) {
      const at = row * this.stride;
      if ((this.values[at] ?? 0) < time && this.#isKept?.(row) !== true) continue;
      if (kept !== row) {
        this.values.copyWithin(kept * this.stride, at, at + this.stride);
        this.keys.copyWithin(2 * kept, 2 * row, 2 * row + 2);
      }
      if (places !== undefined) places[row] = kept;
      kept++;
    }
    const dropped = this.size - kept;
    if (dropped === 0) return 0;
    this.values.fill(0, kept * this.stride, this.size * this.stride);
    this.keys.fill(0, 2 * kept, 2 * this.size);
    this.size = kept;
    this.#slots = this.#index(kept);
    this.#before = undefined;
    if (places !== undefined) this.#onMove?.(places);
    return dropped;
  }

  /** The rows in use, as views. */
  rows(): CellRows {
    return { keys: this.keys.subarray(0, 2 * this.size), values: this.values.subarray(0, this.size * this.stride) };
  }

  /** Faded cells make room first: nobody can tell that they are gone. */
  #grow(time: number): void {
    if (this.expire(time - this.#fadesAfterMs) * 4 > this.size) return;
    const capacity = Math.max(16, this.size + (this.size >>> 1));
    const values = new Float64Array(capacity * this.stride);
    values.set(this.values.subarray(0, this.size * this.stride));
    const keys = new Uint32Array(2 * capacity);
    keys.set(this.keys.subarray(0, 2 * this.size));
    this.values = values;
    this.words = new Uint32Array(values.buffer);
    this.keys = keys;
  }

  #findIn(slots: Int32Array, high: number, low: number): number {
    const mask = slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const row = (slots[slot] ?? 0) - 1;
      if (row < 0 || (this.keys[2 * row + 1] === low && this.keys[2 * row] === high)) return row;
    }
  }

  /** A larger index; that of millions of keys would take a tenth of a second if it were made at once. */
  #widen(rows: number): void {
    while (this.#before !== undefined) this.#takeOver();
    this.#before = { slots: this.#slots, rows, moved: 0 };
    this.#slots = new Int32Array(2 * this.#slots.length);
  }

  #takeOver(): void {
    const before = this.#before;
    if (before === undefined) return;
    const until = Math.min(before.rows, before.moved + movedPerRow);
    for (; before.moved < until; before.moved++) this.#place(this.#slots, before.moved);
    if (before.moved === before.rows) this.#before = undefined;
  }

  #index(size: number): Int32Array {
    let capacity = 32;
    while (capacity < size * 2) capacity *= 2;
    const slots = new Int32Array(capacity);
    for (let row = 0; row < this.size; row++) this.#place(slots, row);
    return slots;
  }

  #place(slots: Int32Array, row: number): void {
    const mask = slots.length - 1;
    let slot = (this.keys[2 * row + 1] ?? 0) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = row + 1;
  }
}

export interface CellTableOptions {
  /** What is in it; nothing if left out. */
  readonly rows?: CellRows;
  /** After this long without an outcome a cell may be dropped. */
  readonly fadesAfterMs?: number;
  /** Whether a row stays though its cell is old. */
  readonly isKept?: (row: number) => boolean;
  /** Told when rows were dropped: by row, its new place, or -1. */
  readonly onMove?: (places: Int32Array) => void;
}

/** keys [rows, 2] as (high, low); values [rows, stride]. */
export interface CellRows {
  readonly keys: Uint32Array;
  readonly values: Float64Array;
}
