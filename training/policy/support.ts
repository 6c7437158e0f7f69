import type { LoggedLists } from './types.js';

/** How much a log can say of a target. */
export interface Support {
  readonly lists: number;
  readonly users: number;
  /** How many lists drawn by the target itself would say as much (Kish); places count by how often people look there. */
  readonly effectiveLists: number;
  /** How many lists’ worth of what was shown was left to chance: without it nothing else was tried. */
  readonly variedLists: number;
  /** 1 where the log shows, sooner or later, all that the target would; less where it misses a part of it. */
  readonly meanWeight: number;
  readonly largestWeight: number;
  /** Of all weight, the part of the one list that has the most. */
  readonly largestShare: number;
}

/** When a log says too little of a target for a recommendation. */
export interface SupportLimits {
  readonly effectiveLists: number;
  /** Off 1 by more, the log misses what the target would show or shows it too rarely to be counted on. */
  readonly meanWeightOff: number;
  readonly largestShare: number;
}

export const supportLimits: SupportLimits = { effectiveLists: 200, meanWeightOff: 0.1, largestShare: 0.05 };

export interface SupportOptions {
  readonly which: Int32Array;
  /** [slots] before anything is clipped. */
  readonly importance: Float64Array;
  /** [slots] of what was shown, under the log’s policy. */
  readonly placeChances: Float64Array;
  /** [places] */
  readonly examination: Float64Array;
}

export const supportOf = (lists: LoggedLists, options: SupportOptions): Support => {
  const { which, importance, placeChances, examination } = options;
  const users = new Uint8Array(lists.users.length);
  let [sum, squares, varied, counted, largestWeight, largestList] = [0, 0, 0, 0, 0, 0];
  for (const list of which) {
    users[lists.user[list] as number] = 1;
    let ofList = 0;
    for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++) {
      const [weight, seen] = [importance[slot] as number, examination[lists.place[slot] as number] as number];
      ofList += seen * weight;
      squares += seen * weight ** 2;
      varied += seen * (1 - (placeChances[slot] as number));
      counted += seen;
      largestWeight = Math.max(largestWeight, weight);
    }
    sum += ofList;
    largestList = Math.max(largestList, ofList);
  }
  const perList = counted / Math.max(1, which.length);
  return {
    lists: which.length,
    users: users.reduce((total, seen) => total + seen, 0),
    effectiveLists: squares === 0 ? 0 : sum ** 2 / squares / perList,
    variedLists: counted === 0 ? 0 : varied / perList,
    meanWeight: counted === 0 ? 0 : sum / counted,
    largestWeight,
    largestShare: sum === 0 ? 1 : largestList / sum,
  };
};

/** Why a log says too little of a target, in words; none if it says enough. */
export const thinness = (support: Support, most: Partial<SupportLimits> = {}): string[] => {
  const limits = { ...supportLimits, ...most };
  const { effectiveLists, variedLists, lists, meanWeight, largestShare } = support;
  const reasons: string[] = [];
  const amount = (value: number): string => Math.floor(value).toLocaleString('en-US');
  if (variedLists < limits.effectiveLists)
    reasons.push(
      `of ${amount(lists)} logged lists no more than ${amount(variedLists)} were varied; ${limits.effectiveLists} are needed`,
    );
  if (effectiveLists < limits.effectiveLists)
    reasons.push(
      `${amount(lists)} logged lists say as much as ${amount(effectiveLists)} of its own would; ${limits.effectiveLists} are needed`,
    );
  if (Math.abs(meanWeight - 1) > limits.meanWeightOff)
    reasons.push(
      meanWeight < 1
        ? `the log shows only ${Math.round(100 * meanWeight)} % of what it would show`
        : `its weights average ${meanWeight.toFixed(2)} where 1 is expected: a few rare lists decide`,
    );
  if (largestShare > limits.largestShare)
    reasons.push(`one list has ${Math.round(100 * largestShare)} % of all weight`);
  return reasons;
};
