import type { StateShape } from '../feature.js';
import type { Outcome } from '../types.js';
import type { Zone } from '../zone.js';
import type { CellTable } from './cells.js';
import { recordHeader as header } from './described.js';

/**
 * Outcomes of one feature that may not be seen yet. An outcome becomes visible at the next local multiple of the feedback
 * delay after it happened; without a delay, to every read at a later time. So no read ever sees an outcome of its own time.
 */
export class PendingUpdates {
  readonly #shape: StateShape;
  readonly #zone: Zone;
  readonly #stride: number;
  #records: Float64Array; // [size, stride]
  #size: number;
  /** Nothing is due before this. */
  #firstDue: number;
  readonly #key = new Uint32Array(2);
  readonly #update: Float64Array;

  constructor(shape: StateShape, zone: Zone, records: Float64Array = new Float64Array(0)) {
    this.#shape = shape;
    this.#zone = zone;
    this.#stride = header + shape.updateWidth;
    this.#records = records.slice();
    this.#size = records.length / this.#stride;
    this.#update = new Float64Array(shape.updateWidth);
    this.#firstDue = this.#earliestDue();
  }

  add(outcome: Outcome): void {
    if (!this.#shape.describe(outcome, this.#key, this.#update)) return;
    this.#reserve(1);
    const at = this.#size * this.#stride;
    this.#records[at] = outcome.time;
    this.#records[at + 1] = this.#key[0] ?? 0;
    this.#records[at + 2] = this.#key[1] ?? 0;
    this.#records.set(this.#update, at + header);
    this.#size++;
    this.#firstDue = Math.min(this.#firstDue, this.#visibleFrom(outcome.time));
  }

  /** Records [from, until) of outcomes that were described. */
  addRecords(records: Float64Array, { from, until }: { readonly from: number; readonly until: number }): void {
    if (from >= until) return;
    this.#reserve(until - from);
    const stride = this.#stride;
    this.#records.set(records.subarray(from * stride, until * stride), this.#size * stride);
    this.#size += until - from;
    let last = Number.NaN;
    for (let i = from; i < until; i++) {
      const time = records[i * stride] ?? 0;
      if (time === last) continue;
      last = time;
      this.#firstDue = Math.min(this.#firstDue, this.#visibleFrom(time));
    }
  }

  /** Moves into the cells what a read at `time` may see, in the order it was added. */
  release(time: number, cells: CellTable): void {
    if (!this.#isDue(this.#firstDue, time)) return;
    const records = this.#records;
    // One for all of them: there are as many as outcomes, times features.
    const change = { time: 0, update: records, at: 0 };
    let kept = 0;
    for (let i = 0; i < this.#size; i++) {
      const at = i * this.#stride;
      const happened = records[at] ?? 0;
      if (this.#isDue(this.#visibleFrom(happened), time)) {
        const row = cells.insert(records[at + 1] ?? 0, records[at + 2] ?? 0, happened);
        change.time = happened;
        change.at = at + header;
        this.#shape.apply(cells, row, change);
      } else {
        if (kept !== i) records.copyWithin(kept * this.#stride, at, at + this.#stride);
        kept++;
      }
    }
    this.#size = kept;
    this.#firstDue = this.#earliestDue();
  }

  get size(): number {
    return this.#size;
  }

  /** What waits, as a view. */
  records(): Float64Array {
    return this.#records.subarray(0, this.#size * this.#stride);
  }

  #reserve(more: number): void {
    const needed = (this.#size + more) * this.#stride;
    if (needed <= this.#records.length) return;
    const records = new Float64Array(Math.max(16 * this.#stride, 2 * this.#records.length, needed));
    records.set(this.records());
    this.#records = records;
  }

  #visibleFrom(time: number): number {
    return this.#shape.delayMs === 0 ? time : this.#zone.nextMultiple(time, this.#shape.delayMs);
  }

  #isDue(visibleFrom: number, time: number): boolean {
    return this.#shape.delayMs === 0 ? visibleFrom < time : visibleFrom <= time;
  }

  #earliestDue(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#size; i++) {
      earliest = Math.min(earliest, this.#visibleFrom(this.#records[i * this.#stride] ?? 0));
    }
    return earliest;
  }
}
