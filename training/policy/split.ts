import { hashId } from '../../src/features/index.js';
import { mixSeeds } from '../../src/random.js';
import type { LoggedLists } from './types.js';

/** Lists of two sets of users: weights are searched on one and judged on the other. */
export interface Split {
  readonly search: Int32Array;
  readonly judge: Int32Array;
}

/** By a hash of the user and the seed: a user is on the same side however the log is read. */
export const splitByUser = (
  lists: LoggedLists,
  { seed, judged = 0.5 }: { readonly seed: number; readonly judged?: number },
): Split => {
  const judges = lists.users.map((user) => mixSeeds(...hashId(user), seed, 0x5b117) / 2 ** 32 < judged);
  const numbers = Array.from(lists.user, (_, list) => list);
  const side = (wanted: boolean): Int32Array =>
    Int32Array.from(numbers.filter((list) => judges[lists.user[list] as number] === wanted));
  return { search: side(false), judge: side(true) };
};
