import { race } from './race.js';
import {
  answeredOf,
  orderByUtility,
  scoreList,
  swapChance,
  swapExposure,
  type HeadParts,
  type Scratch,
} from './scores.js';
import type { LoggedLists } from './types.js';

export interface LoggedChancesOptions {
  readonly lists: LoggedLists;
  readonly parts: HeadParts;
  readonly scratch: Scratch;
  /** [places] */
  readonly examination: Float64Array;
}

/** [slots] of shown items, under the policy that drew their list. */
export interface LoggedChances {
  /** To be in their place. */
  readonly chances: Float64Array;
  /** Their mean examination, wherever they come. */
  readonly exposures: Float64Array;
}

/** Fills in one list. */
export const fillLoggedChances = (
  { lists, parts, scratch, examination }: LoggedChancesOptions,
  list: number,
  { chances, exposures }: LoggedChances,
): void => {
  const [from, to] = [lists.slotStart[list] as number, lists.slotStart[list + 1] as number];
  const policy = lists.policies[lists.policyOf[list] as number];
  if (policy === undefined) {
    chances.set(lists.placeChance.subarray(from, to), from);
    return;
  }
  const { share, swaps, temperature, weights, form } = policy;
  const rows = scoreList({ lists, parts: parts(form), weights }, list, scratch.utility);
  const answered = answeredOf(lists, list);
  const seen = examination.subarray(0, answered);
  orderByUtility(scratch, rows, answered);
  for (let slot = from; slot < to; slot++) {
    const [rank, place] = [scratch.rankOf[lists.slotRow[slot] as number] as number, lists.place[slot] as number];
    const greedy = 1 - share - swaps;
    chances[slot] = (rank === place ? greedy : 0) + swaps * swapChance(rank, place, answered);
    exposures[slot] = greedy * (seen[rank] ?? 0) + swaps * swapExposure(rank, seen);
  }
  if (share === 0) return;
  const noise = race({
    utilities: scratch.utility.slice(0, rows).map((value) => value / temperature),
    rows: lists.slotRow.subarray(from, to),
    places: Int32Array.from(lists.place.subarray(from, to)),
    examination: seen,
  });
  for (let slot = from; slot < to; slot++) {
    chances[slot] = (chances[slot] as number) + share * (noise.chances[slot - from] as number);
    exposures[slot] = (exposures[slot] as number) + share * (noise.exposures[slot - from] as number);
  }
};
