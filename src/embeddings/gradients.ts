import { keyWords, type Rows } from './rows.js';
import type { AccumulateOptions } from './types.js';

/**
 * Sums of row gradients between two steps: only touched rows take space, each once, in the order of first touch.
 * Buffers grow to the largest step and stay, so a steady training loop allocates nothing.
 */
export class Gradients {
  /** [count, dim] */
  sums: Float32Array;
  /** [count] the row of each sum. */
  touched: Int32Array;
  count = 0;
  private readonly dim: number;
  /** [rows] 1 + place in `touched`, 0 = untouched in this step. */
  private places = new Int32Array(0);

  constructor(dim: number) {
    this.dim = dim;
    this.touched = new Int32Array(256);
    this.sums = new Float32Array(256 * dim);
  }

  get byteLength(): number {
    return this.sums.byteLength + this.touched.byteLength + this.places.byteLength;
  }

  /** Room for this many rows in the table. */
  reserve(rows: number): void {
    if (rows <= this.places.length) return;
    const places = new Int32Array(rows);
    places.set(this.places);
    this.places = places;
  }

  /** The gradient of a mean pool: each known row of a bag gets the bag's gradient divided by the bag's size. */
  add(rows: Rows, { offsets, keys, gradient, stride, offset }: AccumulateOptions): void {
    const { dim } = this;
    const found = rows.locate(keys, offsets[offsets.length - 1] as number);
    for (let bag = 0; bag < offsets.length - 1; bag += 1) {
      const start = offsets[bag] as number;
      const end = offsets[bag + 1] as number;
      const share = 1 / (end - start);
      const source = bag * stride + offset;
      for (let key = start; key < end; key += 1) {
        const row = found[key] as number;
        if (row < 0) continue;
        const target = this.place(row) * dim;
        const { sums } = this;
        for (let column = 0; column < dim; column += 1) {
          (sums[target + column] as number) += (gradient[source + column] as number) * share;
        }
      }
    }
  }

  /** Adds `penalty · row` to every touched row's gradient. */
  addPenalty({ floats, stride }: Rows, penalty: number): void {
    const { sums, dim } = this;
    for (let place = 0; place < this.count; place += 1) {
      const at = (this.touched[place] as number) * stride + keyWords;
      for (let column = 0; column < dim; column += 1) {
        (sums[place * dim + column] as number) += penalty * (floats[at + column] as number);
      }
    }
  }

  clear(): void {
    for (let place = 0; place < this.count; place += 1) this.places[this.touched[place] as number] = 0;
    this.sums.fill(0, 0, this.count * this.dim);
    this.count = 0;
  }

  private place(row: number): number {
    const known = this.places[row] as number;
    if (known !== 0) return known - 1;
    if (this.count === this.touched.length) this.grow();
    this.touched[this.count] = row;
    this.count += 1;
    this.places[row] = this.count;
    return this.count - 1;
  }

  private grow(): void {
    const touched = new Int32Array(2 * this.touched.length);
    touched.set(this.touched);
    this.touched = touched;
    const sums = new Float32Array(touched.length * this.dim);
    sums.set(this.sums);
    this.sums = sums;
  }
}
