import type { Happening, ShownExpectation } from './law.js';

/** One visit with its truth. */
export interface Visit {
  readonly requestId: string;
  /** As the world numbers it, from 0. */
  readonly day: number;
  readonly time: number;
  readonly user: string;
  /** By experiment, as the service said. */
  readonly arms: Readonly<Record<string, string>>;
  /** What answered, as the service said. */
  readonly version: string | undefined;
  /** By position. */
  readonly shown: readonly {
    readonly item: string;
    readonly expected: ShownExpectation;
    readonly happened: Happening;
  }[];
}

/** Means per visit: sums over its list. */
export interface TruePerVisit {
  readonly click: number;
  /** Seconds. */
  readonly watch: number;
  readonly like: number;
  readonly dismiss: number;
}

/**
 * What is true of some visits: exact expectations of what was shown, where it was shown; `happened` are the draws around them.
 * Nothing is lost here, whatever the service was told. Means are 0 where nobody came.
 */
export interface Truth extends TruePerVisit {
  readonly users: number;
  readonly visits: number;
  /** How much better off people are; only the simulator knows. */
  readonly satisfaction: number;
  readonly happened: TruePerVisit;
}

/** Sums up visits. The order of adding is the order of the sums: add in the order of the world, not of the answers. */
export interface Tally {
  add(visit: Visit): void;
  truth(): Truth;
}

const measures = ['click', 'watch', 'like', 'dismiss'] as const;

export const createTally = (): Tally => {
  const users = new Set<string>();
  let visits = 0;
  let satisfaction = 0;
  const expected = { click: 0, watch: 0, like: 0, dismiss: 0 };
  const happened = { click: 0, watch: 0, like: 0, dismiss: 0 };
  const perVisit = (sums: TruePerVisit): TruePerVisit => {
    const mean = (sum: number): number => (visits === 0 ? 0 : sum / visits);
    return { click: mean(sums.click), watch: mean(sums.watch), like: mean(sums.like), dismiss: mean(sums.dismiss) };
  };
  return {
    add({ user, shown }) {
      users.add(user);
      visits++;
      for (const each of shown) {
        for (const measure of measures) expected[measure] += each.expected[measure];
        satisfaction += each.expected.satisfaction;
        happened.click += Number(each.happened.clicked);
        happened.watch += each.happened.watchSeconds;
        happened.like += Number(each.happened.liked);
        happened.dismiss += Number(each.happened.dismissed);
      }
    },
    truth: () => ({
      users: users.size,
      visits,
      ...perVisit(expected),
      satisfaction: visits === 0 ? 0 : satisfaction / visits,
      happened: perVisit(happened),
    }),
  };
};
