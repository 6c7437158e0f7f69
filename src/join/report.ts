import { WatchnextError } from '../errors.js';
import type { Labels, Outcome } from '../features/index.js';
import type { Shown } from './shown.js';
import type { JoinCounters, MergedEvent, Refused } from './types.js';

/** What joining has to say, until it is fetched. */
export class Report {
  readonly counters: JoinCounters;
  #outcomes: Outcome[] = [];
  #refused: Refused[] = [];

  constructor(counters: JoinCounters) {
    this.counters = counters;
  }

  /** The outcomes of all rows of a list, where it has fields for feature state to look at, while nothing has happened. */
  begin({ list, at }: Shown, labels: Labels): void {
    const { rows, user, context } = list;
    if (user === undefined || context === undefined) return;
    this.counters.outcomes += rows;
    for (let row = 0; row < rows; row++)
      this.#outcomes.push({ time: at, user, context, candidate: list.candidate(row), labels });
  }

  /** What became of one of its rows. */
  correct({ list, at }: Shown, row: number, said: Required<Pick<Outcome, 'time' | 'labels' | 'before'>>): void {
    const { user, context } = list;
    if (user === undefined || context === undefined) return;
    const { time, labels, before } = said;
    this.counters.outcomes++;
    this.#outcomes.push({ time, user, context, candidate: list.candidate(row), labels, before, since: at });
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
  drain(): { readonly outcomes: readonly Outcome[]; readonly refused: readonly Refused[] } {
    const [outcomes, refused] = [this.#outcomes, this.#refused];
    this.#outcomes = [];
    this.#refused = [];
    return { outcomes, refused };
  }
}
