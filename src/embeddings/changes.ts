import type { Averages } from './averages.js';
import { keyWords, Rows } from './rows.js';
import type { TableChanges } from './types.js';

/**
 * Which ids changed since they were last taken: living ones by row, freed ones by key. Time and memory follow what
 * changed, but for two small arrays of one number per row.
 */
export class Changes {
  /** [capacity] 1 + place in `listed`, 0 = unchanged. */
  private places = new Int32Array(0);
  /** [count] rows in the order of their first change. */
  private listed = new Int32Array(256);
  private count = 0;
  /** A set of ids: rows without numbers. One of these may have a row again; then that row is listed. */
  private freed = Rows.empty(0);

  /** Room for this many rows in the table. */
  reserve(capacity: number): void {
    if (capacity <= this.places.length) return;
    const places = new Int32Array(capacity);
    places.set(this.places);
    this.places = places;
  }

  get byteLength(): number {
    return this.places.byteLength + this.listed.byteLength + this.freed.byteLength;
  }

  mark(row: number): void {
    if (this.places[row] !== 0) return;
    if (this.count === this.listed.length) {
      const listed = new Int32Array(2 * this.count);
      listed.set(this.listed);
      this.listed = listed;
    }
    this.listed[this.count] = row;
    this.count += 1;
    this.places[row] = this.count;
  }

  /** An id without a row counts as freed. */
  markKeys(rows: Rows, keys: Uint32Array): void {
    for (let key = 0; key < keys.length; key += 2) {
      const high = keys[key] as number;
      const low = keys[key + 1] as number;
      const row = rows.find(high, low);
      if (row >= 0) this.mark(row);
      else if (this.freed.find(high, low) < 0) this.freed.insert(high, low);
    }
  }

  /** Before the rows keep[i] become rows i and all others are freed. */
  compact(rows: Rows, keep: Int32Array): void {
    const next = new Int32Array(rows.size).fill(-1);
    for (let row = 0; row < keep.length; row += 1) next[keep[row] as number] = row;
    const { listed, count, freed } = this;
    this.count = 0;
    this.places.fill(0);
    for (let place = 0; place < count; place += 1) {
      const row = next[listed[place] as number] as number;
      // Never ahead of what is read: `mark` writes at most at `place`.
      if (row >= 0) this.mark(row);
    }
    for (let row = 0; row < rows.size; row += 1) {
      if (next[row] !== -1) continue;
      const at = row * rows.stride;
      const high = rows.words[at] as number;
      const low = rows.words[at + 1] as number;
      if (freed.find(high, low) < 0) freed.insert(high, low);
    }
  }

  /** Ids of all changes, [2n]: what `markKeys` needs to go on from here. */
  keys(rows: Rows): Uint32Array {
    const gone = this.gone(rows);
    const keys = new Uint32Array(2 * this.count + gone.length);
    for (let place = 0; place < this.count; place += 1) {
      const at = (this.listed[place] as number) * rows.stride;
      keys.set(rows.words.subarray(at, at + keyWords), 2 * place);
    }
    keys.set(gone, 2 * this.count);
    return keys;
  }

  /** All changes as they are served at the end of `step`; afterwards there are none, but for averages still on the move. */
  take(rows: Rows, averages: Averages | undefined, step: number): TableChanges {
    const { listed, count } = this;
    const { dim, stride } = rows;
    const removed = this.gone(rows);
    this.freed = Rows.empty(0);
    this.count = 0;
    const keys = new Uint32Array(2 * count);
    const values = new Float32Array(count * dim);
    for (let place = 0; place < count; place += 1) {
      const row = listed[place] as number;
      const at = row * stride;
      this.places[row] = 0;
      keys.set(rows.words.subarray(at, at + keyWords), 2 * place);
      if (averages === undefined) values.set(rows.floats.subarray(at + keyWords, at + stride), place * dim);
      // An average moves on without its row being touched, until it has reached it.
      else if (!averages.write(rows, row, { step, out: values, at: place * dim })) this.mark(row);
    }
    return { keys, values, removed };
  }

  /** Freed ids that have no row, [2m]. */
  private gone(rows: Rows): Uint32Array {
    const { words, size } = this.freed;
    const gone = new Uint32Array(2 * size);
    let length = 0;
    for (let at = 0; at < 2 * size; at += keyWords) {
      if (rows.find(words[at] as number, words[at + 1] as number) >= 0) continue;
      gone.set(words.subarray(at, at + keyWords), length);
      length += keyWords;
    }
    return gone.slice(0, length);
  }
}
