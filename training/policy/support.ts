import type { LoggedLists } from './types.js';

/** How much a log can say of a target. */
export interface Support {
  readonly lists: number;
  readonly users: number;
  /** How many lists drawn by the target itself would say as much (Kish), places weighed by their part of the rewards. */
  readonly effectiveLists: number;
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

/** [places] part of the rewards that comes from each place, the columns alike. */
export const rewardShares = (lists: LoggedLists, which: Int32Array): Float64Array => {
  const shares = new Float64Array(lists.places);
  for (const rewards of lists.rewards) {
    const sums = new Float64Array(lists.places);
    let total = 0;
    for (const list of which) {
      for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++) {
        const size = Math.abs(rewards[slot] as number);
        sums[lists.place[slot] as number] = (sums[lists.place[slot] as number] as number) + size;
        total += size;
      }
    }
    if (total > 0) sums.forEach((sum, place) => (shares[place] = (shares[place] as number) + sum / total));
  }
  const all = shares.reduce((sum, share) => sum + share, 0);
  return all === 0 ? shares.fill(1 / lists.places) : shares.map((share) => share / all);
};

/** Of weights before anything is clipped. */
export const supportOf = (
  lists: LoggedLists,
  options: { readonly which: Int32Array; readonly importance: Float64Array; readonly shares: Float64Array },
): Support => {
  const { which, importance, shares } = options;
  const [sums, squares, counts] = [0, 0, 0].map(() => new Float64Array(lists.places)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const users = new Uint8Array(lists.users.length);
  let [largestWeight, largestList, total] = [0, 0, 0];
  for (const list of which) {
    users[lists.user[list] as number] = 1;
    let ofList = 0;
    for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++) {
      const [weight, place] = [importance[slot] as number, lists.place[slot] as number];
      sums[place] = (sums[place] as number) + weight;
      squares[place] = (squares[place] as number) + weight ** 2;
      counts[place] = (counts[place] as number) + 1;
      largestWeight = Math.max(largestWeight, weight);
      ofList += weight * (shares[place] as number);
    }
    total += ofList;
    largestList = Math.max(largestList, ofList);
  }
  let [meanWeight, spread] = [0, 0];
  for (let place = 0; place < lists.places; place++) {
    const [sum, count, share] = [sums[place] as number, counts[place] as number, shares[place] as number];
    if (count === 0 || share === 0) continue;
    meanWeight += (share * sum) / count;
    // Lists per effective list; a place of which nothing is known counts as one list’s worth.
    spread += share * (sum === 0 ? which.length : ((squares[place] as number) / sum ** 2) * which.length);
  }
  return {
    lists: which.length,
    users: users.reduce((sum, seen) => sum + seen, 0),
    effectiveLists: spread === 0 ? 0 : which.length / spread,
    meanWeight,
    largestWeight,
    largestShare: total === 0 ? 1 : largestList / total,
  };
};

/** Why a log says too little of a target, in words; none if it says enough. */
export const thinness = (support: Support, most: Partial<SupportLimits> = {}): string[] => {
  const limits = { ...supportLimits, ...most };
  const { effectiveLists, lists, meanWeight, largestShare } = support;
  const reasons: string[] = [];
  if (effectiveLists < limits.effectiveLists)
    reasons.push(
      `${lists.toLocaleString('en-US')} logged lists say as much as ${Math.floor(effectiveLists).toLocaleString('en-US')} of its own would; ${limits.effectiveLists} are needed`,
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
