import { combine, logChances, propensities, sampleOrder, type DrawnOrder } from '../../src/policy/index.js';
import { SeededRandom } from '../../src/random.js';
import { collectLists, type ListPolicy, type LoggedLists } from '../../training/policy/index.js';

/** Looked at in place k (0-based): what an item brings is this times what it is worth. */
export const examined = (place: number): number => (place + 1) ** -0.7;

export interface Candidate {
  /** What the model says: chances of a click and of being satisfied. */
  readonly heads: readonly [number, number];
  /** What is true of them. */
  readonly worth: readonly [number, number];
}

export interface WorldOptions {
  readonly seed: number;
  readonly users: number;
  readonly listsPerUser?: number;
  readonly candidates?: number;
  readonly shown?: number;
  readonly policy: ListPolicy;
}

const uniform = (random: SeededRandom): number => (random.next() + 0.5) / 2 ** 32;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const normal = (random: SeededRandom): number =>
  Math.sqrt(-2 * Math.log(uniform(random))) * Math.cos(2 * Math.PI * uniform(random));

/** Candidates of one list: what is clicked and what satisfies are at odds, and the heads know them with an error. */
export const drawCandidates = (random: SeededRandom, taste: number, count: number): Candidate[] =>
  Array.from({ length: count }, () => {
    const [bait, quality, noise, noise2] = [normal(random), normal(random), normal(random), normal(random)];
    const click = -0.8 + 0.9 * bait + 0.3 * quality + taste;
    const satisfied = -1.2 - 0.7 * bait + 1.1 * quality + taste;
    return {
      heads: [sigmoid(click + 0.5 * noise - 0.3), sigmoid(satisfied + 0.5 * noise2 + 0.2)],
      worth: [sigmoid(click), sigmoid(satisfied)],
    };
  });

const headsOf = (candidates: readonly Candidate[]): Float32Array =>
  Float32Array.from(candidates.flatMap(({ heads }) => heads));

export const scoresOf = (heads: Float32Array, { weights, form }: Pick<ListPolicy, 'weights' | 'form'>): Float64Array =>
  combine(heads, { weights, form });

/** What an order brings on average: clicks and satisfactions. */
const worthOf = (candidates: readonly Candidate[], rows: ArrayLike<number>): [number, number] => {
  const worth: [number, number] = [0, 0];
  for (let place = 0; place < rows.length; place++)
    for (const reward of [0, 1] as const) worth[reward] += examined(place) * candidates[rows[place]!]!.worth[reward];
  return worth;
};

export interface DrawnList {
  readonly user: string;
  readonly request: string;
  readonly heads: Float32Array;
  readonly scores: Float64Array;
  readonly drawn: DrawnOrder;
  /** By reward, each [shown]. */
  readonly rewards: readonly [Float64Array, Float64Array];
}

/** Lists of the world under a policy: what was drawn and what came of it. Users differ in taste. */
export function* drawLists(options: WorldOptions): Generator<DrawnList> {
  const { seed, users, listsPerUser = 3, candidates: count = 8, shown = 4, policy } = options;
  const random = new SeededRandom(seed);
  for (let user = 0; user < users; user++) {
    const taste = 0.5 * normal(random);
    for (let list = 0; list < listsPerUser; list++) {
      const candidates = drawCandidates(random, taste, count);
      const heads = headsOf(candidates);
      const scores = scoresOf(heads, policy);
      const drawn = sampleOrder({ scores, limit: shown, policy, random: () => uniform(random) });
      const rewards = [new Float64Array(shown), new Float64Array(shown)] as const;
      drawn.rows.forEach((row, place) => {
        const looks = uniform(random) < examined(place);
        for (const reward of [0, 1] as const)
          rewards[reward][place] = looks && uniform(random) < candidates[row]!.worth[reward] ? 1 : 0;
      });
      yield { user: `u${user}`, request: `${seed}/${user}/${list}`, heads, scores, drawn, rewards };
    }
  }
}

/** A log of the world under a policy; the rewards are clicks and satisfactions. */
export const logWorld = (options: WorldOptions): LoggedLists => {
  const { policy } = options;
  const collector = collectLists({
    tasks: ['click', 'satisfied'],
    metrics: [
      { name: 'clicks', direction: 'up', total: 0 },
      { name: 'satisfied', direction: 'up', total: 1 },
      { name: 'satisfied_per_click', direction: 'up', total: 1, per: 0 },
    ],
  });
  for (const { user, heads, scores, drawn, rewards } of drawLists(options)) {
    const { rows } = drawn;
    const chances = propensities(logChances({ scores, rows, policy }));
    collector.add({ user, policy, heads, shown: rows, propensities: chances, rewards });
  }
  return collector.finish();
};

/** What a policy truly brings per list: the mean over many lists of the world, with its standard error. */
export const truthOf = (
  policy: ListPolicy,
  {
    lists,
    seed = 99,
    candidates: count = 8,
    shown = 4,
  }: { lists: number; seed?: number; candidates?: number; shown?: number },
): { mean: [number, number]; error: [number, number] } => {
  const random = new SeededRandom(seed);
  const sums = [0, 0];
  const squares = [0, 0];
  for (let list = 0; list < lists; list++) {
    const candidates = drawCandidates(random, 0.5 * normal(random), count);
    const scores = scoresOf(headsOf(candidates), policy);
    const { rows } = sampleOrder({ scores, limit: shown, policy, random: () => uniform(random) });
    worthOf(candidates, rows).forEach((value, reward) => {
      sums[reward]! += value;
      squares[reward]! += value ** 2;
    });
  }
  const mean = sums.map((sum) => sum / lists) as [number, number];
  const error = squares.map((square, at) => Math.sqrt((square / lists - mean[at]! ** 2) / lists)) as [number, number];
  return { mean, error };
};

/** All orders of `length` of so many rows. */
export const ordersOf = (rows: number, length: number): number[][] =>
  length === 0
    ? [[]]
    : ordersOf(rows, length - 1).flatMap((order) =>
        Array.from({ length: rows }, (_, row) => row).flatMap((row) => (order.includes(row) ? [] : [[...order, row]])),
      );

export const everyList = ({ count }: LoggedLists): Int32Array => Int32Array.from({ length: count }, (_, list) => list);
