import { mixSeeds, SeededRandom } from '../../src/random.js';
import { fillLoggedChances, type LoggedChances } from './logged-chances.js';
import type { OutcomeModel } from './outcome.js';
import {
  answeredOf,
  headParts,
  orderByUtility,
  orderSmallest,
  scoreList,
  scratchFor,
  swapChance,
  swapExposure,
  type Scratch,
} from './scores.js';
import type { ListPolicy, LoggedLists, Variation } from './types.js';

/** The policy to be estimated. */
export interface Target extends Pick<ListPolicy, 'weights' | 'form'> {
  /** What is random in it; as it was in each list if left out. */
  readonly variation?: Variation;
}

/** What a target means for the lists that were asked for. */
export interface Weighed {
  /**
   * [slots] 0 in other lists. By place: P(item in its place | target) / P(… | log). Examined: how much the item is looked at,
   * wherever it comes, under the target over that under the log.
   */
  readonly importance: Float64Array;
  /** By outcome model, each [lists asked for]: what the model expects the target to bring. */
  readonly expected: readonly Float64Array[];
}

export interface Weigher {
  /** `named`: the target whose chances are in the log. */
  weigh(target: Target | 'named', which: Int32Array, how: WeighOptions): Weighed;
  /** [slots] the chance of what was shown to be in its place, under the log’s own policy; of the lists asked for. */
  placeChances(which: Int32Array): Float64Array;
}

export interface WeighOptions {
  readonly weighting: 'place' | 'examined';
  readonly outcomes?: readonly OutcomeModel[];
}

export interface WeigherOptions {
  readonly seed: number;
  /** [places] how often people look there. */
  readonly examination: Float64Array;
  /** Races per list for the part of a target that is noise; 2 if left out. */
  readonly draws?: number;
}

/** No list has a chance below this under its own policy: what was rounded to nothing is not divided by. */
const leastChance = 1e-12;

/**
 * Weighs lists for one target after another. The log’s chances are exact, and computed once. Of a target’s Plackett-Luce part
 * they are estimated without bias from `draws` races per list; by place, given when the others arrive, the chance of an item
 * to come there is known (conditional Monte Carlo). All targets meet the same races, so that their differences are not those
 * of their luck. A target’s greedy and swapped parts are exact.
 */
export const createWeigher = (lists: LoggedLists, options: WeigherOptions): Weigher => {
  const { seed, examination, draws = 2 } = options;
  const parts = headParts(lists);
  const scratch = scratchFor(lists);
  const pool = logTimes(seed);
  const unknown = (): Float64Array => new Float64Array(lists.slotRow.length).fill(NaN);
  const logged: LoggedChances = { chances: unknown(), exposures: unknown() };

  const fill = (list: number): void => {
    const slot = lists.slotStart[list] as number;
    if (slot < (lists.slotStart[list + 1] as number) && Number.isNaN(logged.chances[slot]))
      fillLoggedChances({ lists, parts, scratch, examination }, list, logged);
  };

  return {
    placeChances(which) {
      which.forEach(fill);
      return logged.chances;
    },
    weigh(target, which, { weighting, outcomes = [] }) {
      const base = weighting === 'place' ? logged.chances : logged.exposures;
      const importance = new Float64Array(lists.slotRow.length);
      const expected = outcomes.map(() => new Float64Array(which.length));
      const weighing: Weighing = { lists, importance, outcomes, expected };
      const own = target === 'named' ? undefined : { target, parts: parts(target.form) };
      const how = { ...weighing, scratch, pool, draws, seed, examination, weighting };
      const targeted = own === undefined ? undefined : { ...how, ...own };
      which.forEach((list, at) => {
        fill(list);
        if (targeted === undefined) weighNamed(weighing, list, at);
        else weighList(targeted, list, at);
        for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++)
          importance[slot] = (importance[slot] as number) / Math.max(base[slot] as number, leastChance);
      });
      return { importance, expected };
    },
  };
};

const pooled = 1 << 16;

/** Logs of exponential times; every list begins at a place of its own. */
const logTimes = (seed: number): Float64Array => {
  const random = new SeededRandom(seed, 0x9ace);
  return Float64Array.from({ length: pooled }, () => Math.log(-Math.log((random.next() + 0.5) / 2 ** 32)));
};

interface Weighing {
  readonly lists: LoggedLists;
  readonly importance: Float64Array;
  readonly outcomes: readonly OutcomeModel[];
  readonly expected: readonly Float64Array[];
}

const weighNamed = ({ lists, importance, outcomes, expected }: Weighing, list: number, at: number): void => {
  const [first, past] = [lists.rowStart[list] as number, lists.rowStart[list + 1] as number];
  const slot = lists.slotStart[list] as number;
  importance[slot] = lists.targetChance[first + (lists.slotRow[slot] as number)] as number;
  outcomes.forEach(({ byRow, byPlace }, outcome) => {
    let sum = 0;
    for (let row = first; row < past; row++) sum += (lists.targetChance[row] as number) * (byRow[row] as number);
    (expected[outcome] as Float64Array)[at] = sum * (byPlace[lists.place[slot] as number] as number);
  });
};

interface TargetWeighing extends Weighing {
  readonly target: Target;
  readonly parts: Float64Array;
  readonly scratch: Scratch;
  readonly pool: Float64Array;
  readonly draws: number;
  readonly seed: number;
  readonly examination: Float64Array;
  readonly weighting: 'place' | 'examined';
}

const unvaried: Variation = { share: 0, temperature: 1, swaps: 0 };

const weighList = (weighing: TargetWeighing, list: number, at: number): void => {
  const { lists, target, parts, scratch, importance, weighting } = weighing;
  const [from, to] = [lists.slotStart[list] as number, lists.slotStart[list + 1] as number];
  const answered = answeredOf(lists, list);
  const examination = weighing.examination.subarray(0, answered);
  const variation = target.variation ?? lists.policies[lists.policyOf[list] as number] ?? unvaried;
  const { share, swaps } = variation;
  const rows = scoreList({ lists, parts, weights: target.weights }, list, scratch.utility);
  if (share < 1) {
    const greedy = 1 - share - swaps;
    orderByUtility(scratch, rows, answered);
    for (let slot = from; slot < to; slot++) {
      const [rank, place] = [scratch.rankOf[lists.slotRow[slot] as number] as number, lists.place[slot] as number];
      importance[slot] =
        weighting === 'place'
          ? (rank === place ? greedy : 0) + (swaps === 0 ? 0 : swaps * swapChance(rank, place, answered))
          : greedy * (examination[rank] ?? 0) + (swaps === 0 ? 0 : swaps * swapExposure(rank, examination));
    }
    expectOrder(weighing, { list, at, chance: 1 - share });
    if (swaps > 0) expectSwaps(weighing, { list, at, chance: swaps });
  }
  if (share > 0) weighRaces(weighing, { list, at, rows, variation });
};

interface Drawn {
  readonly list: number;
  readonly at: number;
  readonly chance: number;
}

/** What the order in the scratch is expected to bring, in the places that are asked about. */
const expectOrder = ({ lists, scratch, outcomes, expected }: TargetWeighing, { list, at, chance }: Drawn): void => {
  const [from, to] = [lists.slotStart[list] as number, lists.slotStart[list + 1] as number];
  const first = lists.rowStart[list] as number;
  for (let outcome = 0; outcome < outcomes.length; outcome++) {
    const { byRow, byPlace } = outcomes[outcome] as OutcomeModel;
    const values = expected[outcome] as Float64Array;
    let sum = 0;
    for (let slot = from; slot < to; slot++) {
      const place = lists.place[slot] as number;
      sum += (byPlace[place] as number) * (byRow[first + (scratch.order[place] as number)] as number);
    }
    values[at] = (values[at] as number) + chance * sum;
  }
};

/** What swapping adds to it. */
const expectSwaps = (weighing: TargetWeighing, { list, at, chance }: Drawn): void => {
  const { lists, scratch, outcomes, expected } = weighing;
  const answered = answeredOf(lists, list);
  const first = lists.rowStart[list] as number;
  outcomes.forEach(({ byRow, byPlace }, outcome) => {
    const valueAt = (place: number): number => byRow[first + (scratch.order[place] as number)] as number;
    let sum = 0;
    for (let place = 1; place < answered; place++)
      sum += ((byPlace[0] as number) - (byPlace[place] as number)) * (valueAt(place) - valueAt(0));
    const values = expected[outcome] as Float64Array;
    if (answered > 1) values[at] = (values[at] as number) + (chance * 0.5 * sum) / (answered - 1);
  });
};

const weighRaces = (
  weighing: TargetWeighing,
  run: { readonly list: number; readonly at: number; readonly rows: number; readonly variation: Variation },
): void => {
  const { lists, scratch, pool, draws, seed, importance, weighting } = weighing;
  const { utility, key, rankOf } = scratch;
  const { list, at, rows, variation } = run;
  const [from, to] = [lists.slotStart[list] as number, lists.slotStart[list + 1] as number];
  const answered = answeredOf(lists, list);
  const examination = weighing.examination.subarray(0, answered);
  const kept = Math.min(rows, weighting === 'place' ? answered + 1 : answered);
  const chance = variation.share / draws;
  for (let row = 0; row < rows; row++) utility[row] = (utility[row] as number) / variation.temperature;
  for (let draw = 0; draw < draws; draw++) {
    const start = mixSeeds(seed, list, draw);
    for (let row = 0; row < rows; row++)
      key[row] = (pool[(start + row) & (pooled - 1)] as number) - (utility[row] as number);
    orderSmallest(scratch, rows, kept);
    for (let slot = from; slot < to; slot++) {
      const row = lists.slotRow[slot] as number;
      const part =
        weighting === 'place'
          ? arrivesThere(scratch, { row, rows, place: lists.place[slot] as number })
          : (examination[rankOf[row] as number] ?? 0);
      importance[slot] = (importance[slot] as number) + chance * part;
    }
    expectOrder(weighing, { list, at, chance });
  }
};

/** The chance of a row to come in a place, given when all others arrive: between two of them. */
const arrivesThere = (
  { sorted, rankOf, utility }: Scratch,
  { row, rows, place }: { readonly row: number; readonly rows: number; readonly place: number },
): number => {
  const [rank, value] = [rankOf[row] as number, utility[row] as number];
  const before = place === 0 ? -Infinity : (sorted[place - 1 < rank ? place - 1 : place] as number);
  const after = place + 1 >= rows ? Infinity : (sorted[place < rank ? place : place + 1] as number);
  return Math.exp(-Math.exp(value + before)) - Math.exp(-Math.exp(value + after));
};
