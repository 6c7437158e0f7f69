import type { EventIds } from './event-ids.js';
import type { Lesson } from './lesson.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';

/** A list as it was: what `shown` says of what changes is of now. */
export interface FrozenList {
  readonly shown: Shown;
  readonly matured: boolean;
  readonly answers: FrozenAnswers | undefined;
  readonly lesson: Lesson | undefined;
  /** Of its lesson. */
  readonly feedbackTimes: readonly number[];
}

/** What feedback made of a list. */
type FrozenAnswers = Readonly<Pick<Shown, 'labels' | 'labelsAt'>> & { readonly seen: EventIds };

const none: readonly number[] = [];

/** Lists as they are now: of what changes there are copies, in few pieces, because there may be a hundred thousand lists. */
export class FrozenLists implements Iterable<FrozenList> {
  readonly #lists: readonly Shown[];
  readonly #matured: Uint8Array;
  /** By list; few have feedback. */
  readonly #answers = new Map<number, FrozenAnswers>();
  readonly #lessons: (Lesson | undefined)[];
  readonly #feedbackTimes = new Map<number, readonly number[]>();

  /** A row has labels of so many tasks. */
  constructor(lists: readonly Shown[], tasks: number) {
    const slab = new Slab();
    this.#lists = lists;
    this.#matured = new Uint8Array(lists.length);
    this.#lessons = lists.map(({ lesson }) => lesson);
    lists.forEach(({ matured, seen, labels, labelsAt, lesson, list }, i) => {
      if (matured) this.#matured[i] = 1;
      // Replaced by another when there is more, never changed.
      if (lesson !== undefined && lesson.feedbackTimes.length > 0) this.#feedbackTimes.set(i, lesson.feedbackTimes);
      if (seen === undefined) return;
      if (labels === undefined) {
        this.#answers.set(i, { labels, labelsAt, seen: seen.copy() });
        return;
      }
      const cells = list.rows * tasks;
      const at = slab.take(4 * cells) / 4;
      const { floats } = slab.piece;
      floats.set(labels.subarray(labelsAt, labelsAt + cells), at);
      this.#answers.set(i, { labels: floats, labelsAt: at, seen: seen.copy() });
    });
  }

  get length(): number {
    return this.#lists.length;
  }

  *[Symbol.iterator](): Generator<FrozenList> {
    for (const [i, shown] of this.#lists.entries()) {
      yield {
        shown,
        matured: this.#matured[i] === 1,
        answers: this.#answers.get(i),
        lesson: this.#lessons[i],
        feedbackTimes: this.#feedbackTimes.get(i) ?? none,
      };
    }
  }
}
