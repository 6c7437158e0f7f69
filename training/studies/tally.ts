import type { Happening, Video, World, WorldRequest } from '../dataset/index.js';

/** Sums over the lists that somebody was shown. */
export interface Sums {
  readonly requests: number;
  readonly clicks: number;
  readonly watchSeconds: number;
  readonly likes: number;
  readonly dismissals: number;
  /** Of ratings: expected, of every video that is watched; observed, of the few who answer a survey. */
  readonly ratings: number;
  readonly ratingSum: number;
}

/** Sums as the law expects them, without the chance of outcomes, and as they came out. */
export interface Tally {
  readonly expected: Sums;
  readonly observed: Sums;
}

const noSums: Sums = {
  requests: 0,
  clicks: 0,
  watchSeconds: 0,
  likes: 0,
  dismissals: 0,
  ratings: 0,
  ratingSum: 0,
};

export const noTally: Tally = { expected: noSums, observed: noSums };

/** What people do, as one number: a ratio of sums, NaN where there is nothing to divide by. */
export interface Measure {
  /** For people. */
  readonly name: string;
  readonly unit: string;
  readonly of: (sums: Sums) => number;
}

/** The paper's two: time spent watching what is recommended, and how those who watched rate it. */
export const measures = {
  engagement: {
    name: 'engagement',
    unit: 'seconds watched per list',
    of: ({ watchSeconds, requests }) => watchSeconds / requests,
  },
  satisfaction: {
    name: 'satisfaction',
    unit: 'mean rating of what is watched, 1 to 5',
    of: ({ ratingSum, ratings }) => ratingSum / ratings,
  },
  likes: { name: 'likes', unit: 'likes per list', of: ({ likes, requests }) => likes / requests },
  dismissals: {
    name: 'dismissals',
    unit: 'dismissals per list',
    of: ({ dismissals, requests }) => dismissals / requests,
  },
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof measures;
export const measureNames = Object.keys(measures) as MeasureName[];

export interface Seen {
  readonly world: Pick<World, 'truth' | 'expected'>;
  readonly request: WorldRequest;
  /** First place first. */
  readonly shown: readonly Video[];
  readonly outcomes: readonly Happening[];
}

/** Of one list. */
export const tallyOf = ({ world, request, shown, outcomes }: Seen): Tally => {
  const truth = world.truth(request.person, shown, request.time);
  const expected = { ...noSums, requests: 1 };
  world.expected(request, shown).forEach(({ click, watch, like, dismiss }, place) => {
    expected.clicks += click;
    expected.watchSeconds += watch;
    expected.likes += like;
    expected.dismissals += dismiss;
    expected.ratings += click;
    expected.ratingSum += click * (truth[place]?.rating ?? 0);
  });
  const observed = { ...noSums, requests: 1 };
  for (const { clicked, watchSeconds, liked, dismissed, rating } of outcomes) {
    observed.clicks += Number(clicked);
    observed.watchSeconds += watchSeconds;
    observed.likes += Number(liked);
    observed.dismissals += Number(dismissed);
    observed.ratings += Number(rating !== undefined);
    observed.ratingSum += rating ?? 0;
  }
  return { expected, observed };
};

const addSums = (a: Sums, b: Sums): Sums => ({
  requests: a.requests + b.requests,
  clicks: a.clicks + b.clicks,
  watchSeconds: a.watchSeconds + b.watchSeconds,
  likes: a.likes + b.likes,
  dismissals: a.dismissals + b.dismissals,
  ratings: a.ratings + b.ratings,
  ratingSum: a.ratingSum + b.ratingSum,
});

export const addTallies = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (sum, { expected, observed }) => ({
      expected: addSums(sum.expected, expected),
      observed: addSums(sum.observed, observed),
    }),
    noTally,
  );
