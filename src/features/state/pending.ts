import type { StateShape } from '../feature.js';
import type { Outcome } from '../types.js';
import type { Zone } from '../zone.js';
import type { CellTable } from './cells.js';
import { recordHeader as header } from './described.js';
import { bitsOf, UpdateRuns } from './update-runs.js';

/**
 * Outcomes of one feature that may not be seen yet. An outcome becomes visible at the next local multiple of the feedback
 * delay after it happened; without a delay, to every read at a later time. So no read ever sees an outcome of its own time.
 */
export class PendingUpdates {
  readonly #shape: StateShape;
  readonly #zone: Zone;
  readonly #stride: number;
  #waiting: UpdateRuns;
  /** Takes what still waits at a release, and their places are changed. */
  #empty: UpdateRuns;
  /** Nothing is due before this. */
  #firstDue = Number.POSITIVE_INFINITY;
  readonly #key = new Uint32Array(2);
  readonly #update: Float64Array;
  readonly #updateBits: Uint32Array;

  constructor(shape: StateShape, zone: Zone, records: Float64Array = new Float64Array(0)) {
    this.#shape = shape;
    this.#zone = zone;
    this.#stride = header + shape.updateWidth;
    this.#waiting = new UpdateRuns(shape.updateWidth);
    this.#empty = new UpdateRuns(shape.updateWidth);
    this.#update = new Float64Array(shape.updateWidth);
    this.#updateBits = bitsOf(this.#update);
    this.addRecords(records, { from: 0, until: records.length / this.#stride });
  }

  add(outcome: Outcome): void {
    if (!this.#shape.describe(outcome, this.#key, this.#update)) return;
    const { time } = outcome;
    const [high = 0, low = 0] = this.#key;
    this.#waiting.add({ time, high, low, count: 1, bits: this.#updateBits, at: 0 });
    this.#firstDue = Math.min(this.#firstDue, this.#visibleFrom(time));
  }

  /** Records [from, until) of outcomes that were described. */
  addRecords(records: Float64Array, { from, until }: { readonly from: number; readonly until: number }): void {
    const change = { time: Number.NaN, high: 0, low: 0, count: 1, bits: bitsOf(records), at: 0 };
    for (let i = from; i < until; i++) {
      const at = i * this.#stride;
      const time = records[at] ?? 0;
      if (time !== change.time) this.#firstDue = Math.min(this.#firstDue, this.#visibleFrom(time));
      change.time = time;
      change.high = records[at + 1] ?? 0;
      change.low = records[at + 2] ?? 0;
      change.at = at + header;
      this.#waiting.add(change);
    }
  }

  /** Moves into the cells what a read at `time` may see, in the order it was added. */
  release(time: number, cells: CellTable): void {
    if (!this.#isDue(this.#firstDue, time)) return;
    const [before, waiting] = [this.#waiting, this.#empty];
    this.#firstDue = Number.POSITIVE_INFINITY;
    let last = Number.NaN;
    let visibleFrom = Number.NaN;
    before.each((run) => {
      // All rows of a list have one time.
      if (run.time !== last) visibleFrom = this.#visibleFrom((last = run.time));
      if (this.#isDue(visibleFrom, time)) {
        const row = cells.insert(run.high, run.low, run.time);
        // One after the other: sums are rounded as if each had been told of by itself.
        for (let told = 0; told < run.count; told++) this.#shape.apply(cells, row, run);
      } else {
        waiting.add(run);
        this.#firstDue = Math.min(this.#firstDue, visibleFrom);
      }
    });
    before.clear();
    this.#waiting = waiting;
    this.#empty = before;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** What waits, [size, stride]; a copy. */
  records(): Float64Array {
    const records = new Float64Array(this.size * this.#stride);
    const bits = bitsOf(records);
    const { updateWidth: width } = this.#shape;
    let at = 0;
    this.#waiting.each((run) => {
      for (let told = 0; told < run.count; told++, at += this.#stride) {
        records[at] = run.time;
        records[at + 1] = run.high;
        records[at + 2] = run.low;
        for (let i = 0; i < 2 * width; i++) bits[2 * (at + header) + i] = run.bits[2 * run.at + i] ?? 0;
      }
    });
    return records;
  }

  #visibleFrom(time: number): number {
    return this.#shape.delayMs === 0 ? time : this.#zone.nextMultiple(time, this.#shape.delayMs);
  }

  #isDue(visibleFrom: number, time: number): boolean {
    return this.#shape.delayMs === 0 ? visibleFrom < time : visibleFrom <= time;
  }
}
