import type { Outcome } from '../features/index.js';
import type { KeptList } from './kept-list.js';
import type { LabelBook } from './labels.js';
import type { Sequence } from './types.js';

/** By what was said: its time, when its rows were first spoken of, which row it is of. */
const width = 3;
const allRows = -1;

/**
 * Outcomes in their order, kept as numbers beside the lists that they are of: an object for each was most of what joining
 * allocated, and those that wait to be fetched survive a garbage collection. Made when they are read.
 */
export class OutcomeList implements Sequence<Outcome> {
  readonly #book: LabelBook;
  readonly #lists: KeptList[] = [];
  /** [said, width] */
  readonly #said: number[] = [];
  /** [corrections, 2, tasks] as feedback made them, and as they were before. */
  #labels = new Float32Array(0);
  #corrections = 0;
  #length = 0;

  constructor(book: LabelBook) {
    this.#book = book;
  }

  get length(): number {
    return this.#length;
  }

  /** All rows of a list, to which nothing has happened. */
  begin(list: KeptList, time: number): void {
    this.#lists.push(list);
    this.#said.push(time, time, allRows);
    this.#length += list.rows;
  }

  /** One row: labels[from ..] of it, and as they were: [tasks] each, as feedback made them. */
  correct(
    list: KeptList,
    said: { readonly time: number; readonly since: number; readonly row: number },
    labels: { readonly now: Float32Array; readonly from: number; readonly before: Float32Array },
  ): void {
    this.#lists.push(list);
    this.#said.push(said.time, said.since, said.row);
    const { length } = labels.before;
    let at = 2 * length * this.#corrections++;
    if (at + 2 * length > this.#labels.length) {
      const more = new Float32Array(Math.max(64 * length, 2 * this.#labels.length));
      more.set(this.#labels);
      this.#labels = more;
    }
    for (let task = 0; task < length; task++) this.#labels[at++] = labels.now[labels.from + task] ?? Number.NaN;
    for (let task = 0; task < length; task++) this.#labels[at++] = labels.before[task] ?? Number.NaN;
    this.#length++;
  }

  *[Symbol.iterator](): Generator<Outcome> {
    const tasks = this.#book.nothing.length;
    const nothing = this.#book.named(this.#book.nothing, 0);
    let corrections = 0;
    for (let i = 0; i < this.#lists.length; i++) {
      const list = this.#lists[i] as KeptList;
      const { user = none, context = none } = list;
      const [time, since, row] = [this.#number(i, 0), this.#number(i, 1), this.#number(i, 2)];
      if (row === allRows) {
        for (let each = 0; each < list.rows; each++)
          yield { time, user, context, candidate: list.candidate(each), labels: nothing };
      } else {
        const at = 2 * tasks * corrections++;
        const labels = this.#book.named(this.#labels, at);
        const before = this.#book.named(this.#labels, at + tasks);
        yield { time, user, context, candidate: list.candidate(row), labels, before, since };
      }
    }
  }

  #number(said: number, column: number): number {
    return this.#said[width * said + column] ?? 0;
  }
}

const none = Object.freeze({});
