import { placeChances } from './place-chances.js';
import { answeredOf, orderByUtility, scoreList, swapChance, type HeadParts, type Scratch } from './scores.js';
import type { LoggedLists } from './types.js';

export interface LoggedChancesOptions {
  readonly lists: LoggedLists;
  readonly parts: HeadParts;
  readonly scratch: Scratch;
}

/** Into `chances` [slots]: of every shown item of a list to be in its place at all, under the policy that drew the list. */
export const fillLoggedChances = (
  { lists, parts, scratch }: LoggedChancesOptions,
  list: number,
  chances: Float64Array,
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
  orderByUtility(scratch, rows, answered);
  for (let slot = from; slot < to; slot++) {
    const [rank, place] = [scratch.rankOf[lists.slotRow[slot] as number] as number, lists.place[slot] as number];
    chances[slot] =
      (rank === place ? 1 - share - swaps : 0) + (swaps === 0 ? 0 : swaps * swapChance(rank, place, answered));
  }
  if (share === 0) return;
  const noise = placeChances({
    utilities: scratch.utility.slice(0, rows).map((value) => value / temperature),
    rows: lists.slotRow.subarray(from, to),
    places: Int32Array.from(lists.place.subarray(from, to)),
  });
  for (let slot = from; slot < to; slot++)
    chances[slot] = (chances[slot] as number) + share * (noise[slot - from] as number);
};
