import { decodeFeatureBatch, encodeFeatureBatch, selectRows } from '../features/index.js';
import type { LabelBook } from './labels.js';
import type { Lesson, LessonParts } from './lesson.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';
import type { JoinedExample } from './types.js';

/** A list that can be learned from. */
export type TaughtList = Shown & { readonly lesson: Lesson };
export const isTaught = (shown: Shown): shown is TaughtList => shown.lesson !== undefined;

/** Event times: when an example is complete, and of the feedback in it. */
interface Moment {
  readonly matured: number;
  readonly feedbackTimes: readonly number[];
}

/** Makes examples and numbers them, per partition. */
export class Lessons {
  /** By partition: the next example's number. */
  readonly sequences: number[];
  readonly #book: LabelBook;
  readonly #slab = new Slab();
  #examples: JoinedExample[] = [];

  constructor(book: LabelBook, sequences: readonly number[]) {
    this.#book = book;
    this.sequences = [...sequences];
  }

  /** All rows, with the labels of these tasks. */
  addWhole(shown: TaughtList, tasks: readonly number[], moment: Moment): void {
    const { lesson, labels: raw, labelsAt, list } = shown;
    const { nothing } = this.#book;
    const width = nothing.length;
    const labels = this.#slab.floats(list.rows * width).fill(Number.NaN);
    for (let at = 0; at < labels.length; at += width) {
      for (const task of tasks) {
        labels[at + task] =
          raw === undefined ? this.#book.counted(nothing, 0, task) : this.#book.counted(raw, labelsAt + at, task);
      }
    }
    this.#add(shown, lesson, moment, labels);
  }

  /** One row, with these labels. Throws artifact_damaged if its features cannot be read. */
  addRow(shown: TaughtList, { row, labels }: { row: number; labels: Float32Array }, moment: Moment): void {
    const { ranker, fingerprint, version, arms, positions, features, served } = shown.lesson;
    const lesson = {
      ranker,
      fingerprint,
      version,
      arms,
      positions: positions.slice(row, row + 1),
      features: encodeFeatureBatch(selectRows(decodeFeatureBatch(features), [row])),
      served: served.slice(row * labels.length, (row + 1) * labels.length),
    };
    this.#add(shown, lesson, moment, labels);
  }

  /** The examples since the last call, in the order in which they were complete. */
  drain(): JoinedExample[] {
    const examples = this.#examples;
    this.#examples = [];
    return examples.sort((a, b) => a.matured - b.matured || a.partition - b.partition || a.sequence - b.sequence);
  }

  #add(
    { partition, time, requestId }: Shown,
    { ranker, fingerprint, version, arms, positions, features, served }: LessonParts,
    { matured, feedbackTimes }: Moment,
    labels: Float32Array,
  ): void {
    while (this.sequences.length <= partition) this.sequences.push(0);
    const sequence = this.sequences[partition] ?? 0;
    this.sequences[partition] = sequence + 1;
    this.#examples.push({
      partition,
      sequence,
      time,
      matured,
      requestId,
      ranker,
      version,
      fingerprint,
      arms,
      positions,
      features,
      labels,
      served,
      feedbackTimes: ascending(feedbackTimes),
    });
  }
}

/** Most lists have no feedback. */
const noTimes = new Float64Array(0);

const ascending = (times: readonly number[]): Float64Array => {
  if (times.length === 0) return noTimes;
  const array = new Float64Array(times);
  return times.length > 1 ? array.sort() : array;
};
