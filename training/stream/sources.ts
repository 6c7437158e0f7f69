import type { Sources } from '../../src/artifact/index.js';
import { armNames, type Arms } from './chosen.js';

/** Counts where learned rows came from. */
export class SourceCounter {
  readonly #rankers: Map<string, { rows: number; readonly arms: Map<string, number> }>;

  constructor(sources: Sources = {}) {
    this.#rankers = new Map(
      Object.entries(sources).map(([ranker, { rows, arms }]) => [
        ranker,
        { rows, arms: new Map(Object.entries(arms)) },
      ]),
    );
  }

  add({ ranker, arms }: { readonly ranker: string; readonly arms: Arms }, rows: number): void {
    const of = this.#rankers.get(ranker) ?? { rows: 0, arms: new Map<string, number>() };
    this.#rankers.set(ranker, of);
    of.rows += rows;
    for (const arm of armNames(arms)) of.arms.set(arm, (of.arms.get(arm) ?? 0) + rows);
  }

  /** A copy; in the order in which rankers and arms were first met. */
  get sources(): Sources {
    return Object.fromEntries(
      [...this.#rankers].map(([ranker, { rows, arms }]) => [ranker, { rows, arms: Object.fromEntries(arms) }]),
    );
  }
}
