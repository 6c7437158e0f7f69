import { WatchnextError } from '../errors.js';
import type { Outcome } from '../features/index.js';
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

  /** A row's outcome, where the list has fields for feature state to look at. */
  say({ fields }: Shown, row: number, said: Pick<Outcome, 'time' | 'labels' | 'before' | 'since'>): void {
    if (fields === undefined) return;
    const { user, context, candidates } = fields;
    this.counters.outcomes++;
    this.#outcomes.push({ user, context, candidate: candidates[row] ?? {}, ...said });
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
