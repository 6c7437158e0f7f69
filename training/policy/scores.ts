import { scorePart } from '../../src/policy/index.js';
import type { ListPolicy, LoggedLists } from './types.js';

/** Arrays for one list at a time, as long as the longest. */
export interface Scratch {
  /** [candidates] at temperature 1, or divided by it. */
  readonly utility: Float64Array;
  /** [candidates] what candidates are ordered by, smallest first. */
  readonly key: Float64Array;
  /** [kept] keys, smallest first, and their rows. */
  readonly sorted: Float64Array;
  readonly order: Int32Array;
  /** [candidates] place in `order`; how many were kept for those that were not. */
  readonly rankOf: Int32Array;
}

export const scratchFor = ({ rowStart, count }: LoggedLists): Scratch => {
  let longest = 1;
  for (let list = 0; list < count; list++)
    longest = Math.max(longest, (rowStart[list + 1] as number) - (rowStart[list] as number));
  return {
    utility: new Float64Array(longest),
    key: new Float64Array(longest),
    sorted: new Float64Array(longest),
    order: new Int32Array(longest),
    rankOf: new Int32Array(longest),
  };
};

/** [rows, tasks] what each head adds to a utility at weight 1 and temperature 1. */
export type HeadParts = (form: ListPolicy['form']) => Float64Array;

/** Logarithms are taken once, not for every target. */
export const headParts = ({ heads }: LoggedLists): HeadParts => {
  const made = new Map<ListPolicy['form'], Float64Array>();
  return (form) => {
    const parts = made.get(form) ?? Float64Array.from(heads, (value) => scorePart(form, 1, value));
    made.set(form, parts);
    return parts;
  };
};

/** A list, the parts of its heads, and the weights they are added up with. */
export interface Scoring {
  readonly lists: LoggedLists;
  readonly parts: Float64Array;
  readonly weights: readonly number[];
}

/** Utilities at temperature 1 of a list’s candidates into `utility`; answers how many there are. */
export const scoreList = ({ lists, parts, weights }: Scoring, list: number, utility: Float64Array): number => {
  const first = lists.rowStart[list] as number;
  const rows = (lists.rowStart[list + 1] as number) - first;
  const tasks = lists.tasks.length;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let task = 0; task < tasks; task++)
      sum += (weights[task] as number) * (parts[(first + row) * tasks + task] as number);
    utility[row] = sum;
  }
  return rows;
};

/** Puts the `most` rows with the smallest keys into `order`, equal ones in the order of rows, and ranks into `rankOf`. */
export const orderSmallest = ({ key, sorted, order, rankOf }: Scratch, rows: number, most: number): void => {
  let kept = 0;
  for (let row = 0; row < rows; row++) {
    rankOf[row] = most;
    const value = key[row] as number;
    if (kept === most) {
      if (value >= (sorted[kept - 1] as number)) continue;
    } else kept++;
    let at = kept - 1;
    for (; at > 0 && (sorted[at - 1] as number) > value; at--) {
      sorted[at] = sorted[at - 1] as number;
      order[at] = order[at - 1] as number;
    }
    sorted[at] = value;
    order[at] = row;
  }
  for (let at = 0; at < kept; at++) rankOf[order[at] as number] = at;
};

/** Orders a list by utility, highest first. */
export const orderByUtility = (scratch: Scratch, rows: number, most: number): void => {
  for (let row = 0; row < rows; row++) scratch.key[row] = -(scratch.utility[row] as number);
  orderSmallest(scratch, rows, Math.min(rows, most));
};

/**
 * The chance of the item of a rank to be in a place (both 0-based) when the first of `answered` changes places, half the time,
 * with an even choice of those below.
 */
export const swapChance = (rank: number, place: number, answered: number): number => {
  if (answered < 2) return rank === place ? 1 : 0;
  const one = 0.5 / (answered - 1);
  if (rank === place) return place === 0 ? 0.5 : 1 - one;
  return (place === 0 && rank < answered) || (rank === 0 && place > 0) ? one : 0;
};

/** The mean examination of the item of a rank under the same swaps, of the places in `examination`. */
export const swapExposure = (rank: number, examination: Float64Array): number => {
  const answered = examination.length;
  if (answered < 2 || rank >= answered) return examination[rank] ?? 0;
  const one = 0.5 / (answered - 1);
  const first = examination[0] as number;
  if (rank > 0) return (1 - one) * (examination[rank] as number) + one * first;
  let others = 0;
  for (let place = 1; place < answered; place++) others += examination[place] as number;
  return 0.5 * first + one * others;
};

/** How many places of a list are asked about. */
export const answeredOf = ({ slotStart, place }: LoggedLists, list: number): number => {
  const past = slotStart[list + 1] as number;
  return past === slotStart[list] ? 0 : (place[past - 1] as number) + 1;
};
