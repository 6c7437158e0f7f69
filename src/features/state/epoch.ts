import { copyRow, type CellRows, type Cells, type CellTable } from './cells.js';

/** In the place of the row of a copy that was put into it. */
const settled = -1;

/**
 * Cells of a table as they will be from a moment on: copies of the rows that outcomes change which are seen from then on. When
 * the moment has come, each copy is put into its row once. Memory goes by the copies, not by the table.
 */
export class Epoch implements Cells {
  readonly stride: number;
  values = new Float64Array(0); // [copies, stride]
  words = new Uint32Array(0);
  size = 0;
  #from: number;
  /** Copies before this one are in their rows. */
  #settled = 0;
  readonly #table: CellTable;
  #rowOf = new Int32Array(0); // [copies]
  #slots = new Int32Array(32); // by row, open addressing: copy + 1, 0 = empty

  constructor(table: CellTable, from: number) {
    this.#table = table;
    this.#from = from;
    this.stride = table.stride;
  }

  /** The moment, as time since the Unix epoch in ms. */
  get from(): number {
    return this.#from;
  }

  /** Whether all copies are in their rows. */
  get isSettled(): boolean {
    return this.#settled === this.size;
  }

  /** The copy of a row, or -1. */
  find(row: number): number {
    const [slots, rowOf] = [this.#slots, this.#rowOf];
    const mask = slots.length - 1;
    for (let slot = spread(row) & mask; ; slot = (slot + 1) & mask) {
      const copy = (slots[slot] ?? 0) - 1;
      if (copy < 0 || rowOf[copy] === row) return copy;
    }
  }

  /** A copy of a row that has none, as it is in `source`. */
  copy(row: number, source: Cells, sourceRow: number): number {
    if (this.size === this.#rowOf.length) this.#grow();
    const copy = this.size++;
    this.#rowOf[copy] = row;
    if (this.size * 3 > this.#slots.length * 2) this.#index(2 * this.#slots.length);
    else this.#place(copy);
    copyRow(source, sourceRow, this, copy);
    return copy;
  }

  /** Puts the copy of a row into it, if it has one. */
  settle(row: number): void {
    const copy = this.find(row);
    if (copy >= 0) this.#settle(copy);
  }

  /** Puts copies into their rows, the first of those that are left; answers how many it looked at. */
  settleNext(most: number): number {
    const from = this.#settled;
    const until = Math.min(this.size, from + most);
    for (let copy = from; copy < until; copy++) if (this.#rowOf[copy] !== settled) this.#settle(copy);
    this.#settled = until;
    return until - from;
  }

  /** Rows of the table have other places: by row, the new one. */
  move(places: Int32Array): void {
    for (let copy = 0; copy < this.size; copy++) {
      const row = this.#rowOf[copy] ?? settled;
      if (row !== settled) this.#rowOf[copy] = places[row] ?? settled;
    }
    this.#index(this.#slots.length);
  }

  /** When all copies are in their rows: begins anew in the same memory. */
  restart(from: number): void {
    this.#from = from;
    this.size = this.#settled = 0;
    this.#slots.fill(0);
  }

  /** Keys and values of copies none of which is settled. */
  rows(): CellRows {
    const keys = new Uint32Array(2 * this.size);
    for (let copy = 0; copy < this.size; copy++) {
      const row = this.#rowOf[copy] ?? 0;
      keys[2 * copy] = this.#table.keys[2 * row] ?? 0;
      keys[2 * copy + 1] = this.#table.keys[2 * row + 1] ?? 0;
    }
    return { keys, values: this.values.subarray(0, this.size * this.stride) };
  }

  #settle(copy: number): void {
    copyRow(this, copy, this.#table, this.#rowOf[copy] ?? 0);
    this.#rowOf[copy] = settled;
  }

  #grow(): void {
    const capacity = Math.max(16, this.size + (this.size >>> 1));
    const [values, rowOf] = [new Float64Array(capacity * this.stride), new Int32Array(capacity)];
    values.set(this.values);
    rowOf.set(this.#rowOf);
    this.values = values;
    this.words = new Uint32Array(values.buffer);
    this.#rowOf = rowOf;
  }

  #index(capacity: number): void {
    this.#slots = new Int32Array(capacity);
    for (let copy = 0; copy < this.size; copy++) if (this.#rowOf[copy] !== settled) this.#place(copy);
  }

  #place(copy: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = spread(this.#rowOf[copy] ?? 0) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = copy + 1;
  }
}

/** New keys have rows one after the other: side by side in the slots they would be a wall for every row that is not there. */
const spread = (row: number): number => {
  const product = Math.imul(row, 0x9e3779b1);
  return product ^ (product >>> 15);
};
