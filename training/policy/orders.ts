import { combine, logChances, propensities } from '../../src/policy/index.js';
import type { Target } from './weigh.js';
import type { ListPolicy, LoggedLists } from './types.js';

/** Importance by what a reward may depend on besides its own place: the items above it, or the whole list. */
export interface OrderImportance {
  /** [slots] P(the list down to here | target) / P(… | log). */
  readonly prefix: Float64Array;
  /** [slots] P(the whole list | target) / P(… | log), in every slot of the list. */
  readonly list: Float64Array;
}

/** Exact, of the lists asked for; 0 in others. Only for logs that say by which policy they were drawn. */
export const orderImportance = (lists: LoggedLists, target: Target, which: Int32Array): OrderImportance => {
  const prefix = new Float64Array(lists.slotRow.length);
  const list = new Float64Array(lists.slotRow.length);
  for (const number of which) {
    const policy = lists.policies[lists.policyOf[number] as number];
    if (policy === undefined) continue;
    const [from, to] = [lists.slotStart[number] as number, lists.slotStart[number + 1] as number];
    const logged = chancesOf(lists, number, policy);
    const wanted = chancesOf(lists, number, {
      ...policy,
      ...target.variation,
      weights: target.weights,
      form: target.form,
    });
    for (let slot = from; slot < to; slot++)
      prefix[slot] = Math.exp((wanted[slot - from] as number) - (logged[slot - from] as number));
    if (to > from) list.fill(prefix[to - 1] as number, from, to);
  }
  return { prefix, list };
};

/** [shown] log chance of each beginning of a list. */
const chancesOf = (lists: LoggedLists, list: number, policy: ListPolicy): Float64Array => {
  const tasks = lists.tasks.length;
  const heads = lists.heads.subarray(
    (lists.rowStart[list] as number) * tasks,
    (lists.rowStart[list + 1] as number) * tasks,
  );
  const rows = lists.slotRow.subarray(lists.slotStart[list], lists.slotStart[list + 1]);
  return logChances({ scores: combine(heads, policy), rows, policy });
};

/** Where what the log says of its own chances is not what its policy gives. */
export interface PropensityCheck {
  readonly checked: number;
  /** Lists in which a propensity is off by more than 1e-6. */
  readonly differ: number;
  /** The largest difference found. */
  readonly largest: number;
}

/** Compares logged propensities with those that the logged policy and heads give; lists without either are left out. */
export const checkPropensities = (lists: LoggedLists): PropensityCheck => {
  let [checked, differ, largest] = [0, 0, 0];
  for (let list = 0; list < lists.count; list++) {
    const policy = lists.policies[lists.policyOf[list] as number];
    const [from, to] = [lists.slotStart[list] as number, lists.slotStart[list + 1] as number];
    if (policy === undefined || from === to || Number.isNaN(lists.propensity[from])) continue;
    const given = propensities(chancesOf(lists, list, policy));
    const off = given.reduce(
      (most, chance, at) => Math.max(most, Math.abs(chance - (lists.propensity[from + at] as number))),
      0,
    );
    checked++;
    if (off > 1e-6) differ++;
    largest = Math.max(largest, off);
  }
  return { checked, differ, largest };
};
