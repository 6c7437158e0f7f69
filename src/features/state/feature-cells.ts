import type { StateShape } from '../feature.js';
import type { Outcome } from '../types.js';
import type { Zone } from '../zone.js';
import { CellTable, type CellRows, type Cells } from './cells.js';
import { recordHeader as header } from './described.js';
import { Epoch } from './epoch.js';

/** Cells as they will be from a moment on: those that outcomes change which are seen from then on. */
export interface UpcomingCells extends CellRows {
  readonly from: number;
}

/** Everything of one feature, as a snapshot has it. */
export interface FeatureRows {
  readonly seen: CellRows;
  /** By their moments. */
  readonly upcoming: readonly UpcomingCells[];
}

/** How many cells become those that are seen with each outcome that is told, and each time that time passes. */
const settledPerOutcome = 2;
const settledPerAdvance = 256;

/**
 * What one stateful feature remembers. An outcome may be seen from the next local multiple of the feedback delay after it
 * happened; without a delay, by every read at a later time. So no read ever sees an outcome of its own time. A cell is what
 * the outcomes make of it that may be seen, in the order in which they were told.
 *
 * What may not be seen yet is applied at once, to a copy of the cell. When its moment comes copies take the place of cells a few at
 * a time, or when somebody asks for one: nothing has to be worked through at that moment, and what waits takes as much memory as
 * the keys that it changes, however many outcomes there are.
 */
export class FeatureCells implements Cells {
  readonly stride: number;
  readonly #shape: StateShape;
  readonly #zone: Zone;
  readonly #seen: CellTable;
  /** By their moments; those that came are due until all of their cells are seen. */
  readonly #upcoming: Epoch[] = [];
  readonly #due: Epoch[] = [];
  #now: number;
  /** One whose cells are all seen, for the next. */
  #spare: Epoch | undefined;
  /** All rows of a list have one time. */
  #lastTime = Number.NaN;
  #lastFrom = Number.NaN;
  readonly #key = new Uint32Array(2);
  readonly #update: Float64Array;

  constructor(shape: StateShape, zone: Zone, past: { readonly now: number; readonly rows?: FeatureRows }) {
    this.#shape = shape;
    this.#zone = zone;
    this.#now = past.now;
    this.#update = new Float64Array(shape.updateWidth);
    const { seen, upcoming = [] } = past.rows ?? {};
    this.#seen = new CellTable(shape.cellWidth, {
      ...(shape.fadesAfterMs !== undefined && { fadesAfterMs: shape.fadesAfterMs }),
      ...(seen && { rows: seen }),
      isKept: (row) => hasCopy(this.#due, row) || hasCopy(this.#upcoming, row),
      onMove: (places) => {
        for (const epoch of [...this.#due, ...this.#upcoming]) epoch.move(places);
      },
    });
    this.stride = this.#seen.stride;
    for (const { from, keys, values } of upcoming) {
      const source = { stride: this.stride, values, words: wordsOf(values) };
      const epoch = this.#epochOf(from);
      for (let row = 0; row < keys.length / 2; row++)
        epoch.copy(this.#seen.insert(keys[2 * row] ?? 0, keys[2 * row + 1] ?? 0, from), source, row);
    }
  }

  /** The row of a key, as it is seen now, or -1. */
  find(high: number, low: number): number {
    const row = this.#seen.find(high, low);
    if (row >= 0 && this.#due.length > 0) this.#settle(row);
    return row;
  }

  get values(): Float64Array {
    return this.#seen.values;
  }

  get words(): Uint32Array {
    return this.#seen.words;
  }

  /** Keys that are known, those of which nothing may be seen yet included. */
  get size(): number {
    return this.#seen.size;
  }

  /** Cells that will change at moments that have not come. */
  get waiting(): number {
    return this.#upcoming.reduce((sum, { size }) => sum + size, 0);
  }

  tell(outcome: Outcome): void {
    const { time } = outcome;
    const [key, update] = [this.#key, this.#update];
    if (this.#shape.describe(outcome, key, update)) this.#tell(key[0] ?? 0, key[1] ?? 0, { time, update, at: 0 });
  }

  /** Records [from, until) of outcomes that were described. */
  tellRecords(records: Float64Array, { from, until }: { readonly from: number; readonly until: number }): void {
    const stride = header + this.#shape.updateWidth;
    const change = { time: 0, update: records, at: 0 };
    for (let at = from * stride; at < until * stride; at += stride) {
      change.time = records[at] ?? 0;
      change.at = at + header;
      this.#tell(records[at + 1] ?? 0, records[at + 2] ?? 0, change);
    }
  }

  /** Lets time pass: what may be seen by a read at `time` is seen from here on. Earlier times change nothing. */
  advance(time: number): void {
    if (time > this.#now) this.#now = time;
    for (let next = this.#upcoming[0]; next !== undefined && this.#isSeen(next.from); next = this.#upcoming[0]) {
      this.#upcoming.shift();
      this.#due.push(next);
    }
    if (this.#due.length > 0) this.#settleSome(settledPerAdvance);
  }

  /** Drops keys without an outcome since `time`; answers how many. */
  expire(time: number): number {
    this.#settleSome(Number.POSITIVE_INFINITY);
    return this.#seen.expire(time);
  }

  /** As views. */
  rows(): FeatureRows {
    this.#settleSome(Number.POSITIVE_INFINITY);
    return {
      seen: this.#seen.rows(),
      upcoming: this.#upcoming.map((epoch) => ({ from: epoch.from, ...epoch.rows() })),
    };
  }

  #tell(high: number, low: number, change: { time: number; update: Float64Array; at: number }): void {
    const found = this.#seen.find(high, low);
    // Known from the first that is told, so that the order of keys depends on nothing else.
    const row = found >= 0 ? found : this.#seen.add(high, low, change.time);
    if (this.#due.length > 0) {
      if (found >= 0) this.#settle(row);
      this.#settleSome(settledPerOutcome);
    }
    const from = this.#visibleFrom(change.time);
    if (this.#isSeen(from)) this.#shape.apply(this.#seen, row, change);
    else {
      const epoch = this.#epochOf(from);
      const copy = found >= 0 ? epoch.find(row) : -1;
      this.#shape.apply(epoch, copy >= 0 ? copy : this.#copied(epoch, row), change);
    }
    if (found < 0) return;
    // What is seen from then on is seen later, too.
    for (let i = this.#upcoming.length - 1; i >= 0; i--) {
      const later = this.#upcoming[i];
      if (later === undefined || later.from <= from) break;
      const copy = later.find(row);
      if (copy >= 0) this.#shape.apply(later, copy, change);
    }
  }

  /** The epoch that begins then, which has not come; made if there is none. */
  #epochOf(from: number): Epoch {
    let at = this.#upcoming.length;
    for (; at > 0; at--) {
      const epoch = this.#upcoming[at - 1];
      if (epoch?.from === from) return epoch;
      if ((epoch?.from ?? 0) < from) break;
    }
    const epoch = this.#spare ?? new Epoch(this.#seen, from);
    this.#spare = undefined;
    epoch.restart(from);
    this.#upcoming.splice(at, 0, epoch);
    return epoch;
  }

  /** The new copy of a row in an upcoming epoch, as it is before that. */
  #copied(epoch: Epoch, row: number): number {
    for (let i = this.#upcoming.indexOf(epoch) - 1; i >= 0; i--) {
      const before = this.#upcoming[i];
      const copy = before?.find(row) ?? -1;
      if (before !== undefined && copy >= 0) return epoch.copy(row, before, copy);
    }
    return epoch.copy(row, this.#seen, row);
  }

  /** Takes what is due of one row. */
  #settle(row: number): void {
    for (const epoch of this.#due) epoch.settle(row);
  }

  /** Takes so many of the cells that are due. */
  #settleSome(most: number): void {
    let left = most;
    for (let epoch = this.#due[0]; epoch !== undefined && left > 0; epoch = this.#due[0]) {
      left -= epoch.settleNext(left);
      if (!epoch.isSettled) return;
      this.#spare = this.#due.shift();
    }
  }

  #visibleFrom(time: number): number {
    const { delayMs } = this.#shape;
    if (delayMs === 0) return time;
    if (time === this.#lastTime) return this.#lastFrom;
    this.#lastTime = time;
    return (this.#lastFrom = this.#zone.nextMultiple(time, delayMs));
  }

  #isSeen(from: number): boolean {
    return this.#shape.delayMs === 0 ? from < this.#now : from <= this.#now;
  }
}

const hasCopy = (epochs: readonly Epoch[], row: number): boolean => epochs.some((epoch) => epoch.find(row) >= 0);

const wordsOf = ({ buffer, byteOffset, length }: Float64Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, 2 * length);
