import { decodeFeatureBatch, encodeFeatureBatch, selectRows } from '../features/index.js';
import type { ExampleColumns } from './example-columns.js';
import { ExampleWriter } from './example-writer.js';
import type { LabelBook } from './labels.js';
import { Lesson } from './lesson.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';

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
  /** Of rows that are learned apart from their list. */
  readonly #slab = new Slab();
  #examples: ExampleWriter;

  constructor(book: LabelBook, sequences: readonly number[]) {
    this.#book = book;
    this.sequences = [...sequences];
    this.#examples = new ExampleWriter(book.nothing.length, 0);
  }

  /** All rows, with the labels of these tasks. */
  addWhole(shown: TaughtList, tasks: readonly number[], moment: Moment): void {
    const { lesson, labels: raw, labelsAt, list } = shown;
    const { nothing } = this.#book;
    const width = nothing.length;
    const { labels, at: start } = this.#add(shown, lesson, moment);
    const cells = list.rows * width;
    labels.fill(Number.NaN, start, start + cells);
    for (let at = 0; at < cells; at += width) {
      for (const task of tasks) {
        labels[start + at + task] =
          raw === undefined ? this.#book.counted(nothing, 0, task) : this.#book.counted(raw, labelsAt + at, task);
      }
    }
  }

  /** One row, with these labels. Throws artifact_damaged if its features cannot be read. */
  addRow(shown: TaughtList, { row, labels }: { row: number; labels: Float32Array }, moment: Moment): void {
    const { ranker, fingerprint, version, arms, positions, features, served } = shown.lesson;
    const parts = {
      ranker,
      fingerprint,
      version,
      arms,
      positions: positions.slice(row, row + 1),
      features: encodeFeatureBatch(selectRows(decodeFeatureBatch(features), [row])),
      served: served.slice(row * labels.length, (row + 1) * labels.length),
    };
    const written = this.#add(shown, Lesson.of(parts, this.#slab), moment);
    written.labels.set(labels, written.at);
  }

  /** The examples since the last call, in the order in which they were complete. */
  drain(): ExampleColumns {
    const { bytes } = this.#examples;
    const columns = this.#examples.columns();
    // Of the next call there will be about as many.
    if (bytes > 0) this.#examples = new ExampleWriter(this.#book.nothing.length, bytes);
    return columns;
  }

  #add(
    { partition, time, requestId }: Shown,
    lesson: Lesson,
    { matured, feedbackTimes }: Moment,
  ): ReturnType<ExampleWriter['add']> {
    while (this.sequences.length <= partition) this.sequences.push(0);
    const sequence = this.sequences[partition] ?? 0;
    this.sequences[partition] = sequence + 1;
    return this.#examples.add({ partition, sequence, time, matured, requestId }, lesson, feedbackTimes);
  }
}
