import { WatchnextError } from '../errors.js';
import type { Outcome } from '../features/index.js';
import type { LabelBook } from './labels.js';
import { OutcomeList } from './outcome-list.js';
import type { Shown } from './shown.js';
import type { JoinCounters, MergedEvent, Refused, Sequence } from './types.js';

/** What joining has to say, until it is fetched. */
export class Report {
  readonly counters: JoinCounters;
  readonly #book: LabelBook;
  #outcomes: OutcomeList;
  #refused: Refused[] = [];

  constructor(book: LabelBook, counters: JoinCounters) {
    this.#book = book;
    this.counters = counters;
    this.#outcomes = new OutcomeList(book);
  }

  /** The outcomes of all rows of a list, where it has fields for feature state to look at, while nothing has happened. */
  begin({ list, at }: Shown): void {
    if (list.user === undefined) return;
    this.counters.outcomes += list.rows;
    this.#outcomes.begin(list, at);
  }

  /** What became of one of its rows at a time: `labels` as for OutcomeList. */
  correct(
    { list, at }: Shown,
    { row, time }: { readonly row: number; readonly time: number },
    labels: Corrected,
  ): void {
    if (list.user === undefined) return;
    this.counters.outcomes++;
    this.#outcomes.correct(list, { time, since: at, row }, labels);
  }

  refuse(event: MergedEvent, reason: string): void {
    this.#refused.push({ event, reason });
  }

  /** Throws what is no error of the event. */
  refuseUnreadable(event: MergedEvent, error: unknown): void {
    if (!(error instanceof WatchnextError)) throw error;
    this.counters.unreadableEvents++;
    this.refuse(event, error.message);
  }

  /** Since the last call. */
  drain(): { readonly outcomes: Sequence<Outcome>; readonly refused: readonly Refused[] } {
    const [outcomes, refused] = [this.#outcomes, this.#refused];
    if (outcomes.length > 0) this.#outcomes = new OutcomeList(this.#book);
    if (refused.length > 0) this.#refused = [];
    return { outcomes: outcomes.length > 0 ? outcomes : [], refused: refused.length > 0 ? refused : [] };
  }
}

type Corrected = Parameters<OutcomeList['correct']>[2];
