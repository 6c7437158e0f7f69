import type { Feedback } from '../events/index.js';
import { EventIds } from './event-ids.js';
import type { LabelBook } from './labels.js';
import { isTaught, type Lessons, type TaughtList } from './lessons.js';
import type { Report } from './report.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';
import type { MergedEvent } from './types.js';

/** Feedback in its place: its own time, not before its impression's, and when both were there. */
interface Heard {
  readonly merged: MergedEvent;
  readonly event: Feedback;
  readonly row: number;
  /** Where the row's labels begin, and in what. */
  readonly from: number;
  readonly labels: Float32Array;
  readonly time: number;
  readonly at: number;
}

/** Joins feedback to a list that is known: its labels, what state is told of them, and what is learned late or at once. */
export class Answers {
  readonly #book: LabelBook;
  readonly #lessons: Lessons;
  readonly #report: Report;
  /** The labels of the row that feedback is about, as they were: [tasks]. */
  readonly #before: Float32Array;
  readonly #slab = new Slab();

  constructor(book: LabelBook, lessons: Lessons, report: Report) {
    this.#book = book;
    this.#lessons = lessons;
    this.#report = report;
    this.#before = new Float32Array(book.tasks.length);
  }

  /** `at` is when both are there. */
  join(shown: Shown, merged: MergedEvent, at: number): void {
    const { event } = merged;
    const { counters } = this.#report;
    if (event.kind !== 'feedback') return;
    shown.seen ??= new EventIds();
    if (!shown.seen.add(event.eventId)) {
      counters.duplicateFeedback++;
      return;
    }
    const row = shown.list.rowOf(event.itemId);
    if (row < 0) {
      counters.strangeFeedback++;
      this.#report.refuse(merged, `item ${event.itemId} was not in the list of request ${shown.requestId}`);
      return;
    }
    if (event.time < shown.time) counters.skewedFeedback++;
    const before = this.#before;
    const labels = this.#labelsOf(shown);
    const from = shown.labelsAt + row * before.length;
    for (let task = 0; task < before.length; task++) before[task] = labels[from + task] ?? Number.NaN;
    const heard = { merged, event, row, from, labels, time: Math.max(event.time, shown.time), at };
    if (this.#label(shown, heard)) this.#tell(shown, heard);
  }

  /** The labels of all rows: made now, because few lists ever have feedback. */
  #labelsOf(shown: Shown): Float32Array {
    if (shown.labels === undefined) {
      const { rows } = shown.list;
      shown.labelsAt = this.#slab.take(4 * rows * this.#before.length) / 4;
      shown.labels = this.#slab.piece.floats;
      this.#book.begin(shown.labels, shown.labelsAt, rows);
    }
    return shown.labels;
  }

  /** Puts feedback into the labels of its row; false where no task takes it. */
  #label(shown: Shown, { event, from, labels, time }: Heard): boolean {
    const { tasks, readers } = this.#book;
    const { counters } = this.#report;
    const reading = readers.get(event.what);
    let taken = false;
    let late = false;
    for (const task of reading ?? []) {
      const rule = tasks[task];
      if (rule === undefined) continue;
      const isLate = !rule.atOnce && (shown.matured || time > shown.time + rule.waitMs);
      if (isLate && rule.late === 'ignore') late = true;
      else if (rule.accepts(event.value)) {
        this.#book.take(labels, from, { task, value: event.value });
        taken = true;
      }
    }
    if (reading === undefined) counters.unreadFeedback++;
    else if (late) counters.lateFeedback++;
    else if (!taken) counters.valuelessFeedback++;
    return taken;
  }

  /** What changed labels mean for state, and for rows that were learned already or that wait for nothing. */
  #tell(shown: Shown, heard: Heard): void {
    const { row, from, labels, at } = heard;
    let changed = false;
    for (let task = 0; task < this.#before.length; task++) changed ||= this.#hasChanged(heard, task);
    if (!changed) return;
    this.#report.correct(shown, { row, time: at }, { now: labels, from, before: this.#before });
    if (isTaught(shown)) this.#teach(shown, heard);
  }

  /** Whether a task's label counts otherwise than before. No list of those that do: it would be made for every feedback. */
  #hasChanged({ labels, from }: Heard, task: number): boolean {
    return !Object.is(this.#book.counted(labels, from, task), this.#book.counted(this.#before, 0, task));
  }

  #teach(shown: TaughtList, heard: Heard): void {
    const { merged, row, from, labels: raw, time, at } = heard;
    let negatives: Float32Array | undefined;
    let labels: Float32Array | undefined;
    let waits = false;
    for (let task = 0; task < this.#before.length; task++) {
      if (!this.#hasChanged(heard, task)) continue;
      const rule = this.#book.tasks[task];
      const label = this.#book.counted(raw, from, task);
      if (rule === undefined || Number.isNaN(label)) continue;
      if (rule.atOnce) {
        // What begins to count as a positive was never learned as a negative, on which the weights rely.
        if (label > 0 && Number.isNaN(this.#book.counted(this.#before, 0, task))) {
          (negatives ??= this.#unknown())[task] = 0;
        }
        (labels ??= this.#unknown())[task] = label;
      } else if (!shown.matured) waits = true;
      else if (rule.late === 'supplement') (labels ??= this.#unknown())[task] = label;
    }
    const { lesson } = shown;
    if (waits) lesson.feedbackTimes = lesson.feedbackTimes.length === 0 ? [time] : lesson.feedbackTimes.concat(time);
    try {
      for (const values of [negatives, labels]) {
        if (values === undefined) continue;
        this.#lessons.addRow(shown, { row, labels: values }, { matured: at, feedbackTimes: [time] });
        this.#report.counters.examples++;
      }
    } catch (error) {
      this.#report.refuseUnreadable(merged, error);
    }
  }

  #unknown(): Float32Array {
    return new Float32Array(this.#before.length).fill(Number.NaN);
  }
}
