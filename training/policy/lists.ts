import { column } from './columns.js';
import type { ListMetric, ListPolicy, LoggedLists, RankedList } from './types.js';

export interface ListCollector {
  add(list: RankedList): void;
  readonly count: number;
  readonly rows: number;
  finish(): LoggedLists;
}

/** Takes lists one by one into columns: 50,000 lists of 30 candidates with 4 heads are about 50 MB. */
export const collectLists = (shape: {
  readonly tasks: readonly string[];
  readonly metrics: readonly ListMetric[];
}): ListCollector => {
  const width = Math.max(-1, ...shape.metrics.map(({ total, per = -1 }) => Math.max(total, per))) + 1;
  const rowStart = column(Int32Array);
  const slotStart = column(Int32Array);
  const heads = column(Float32Array);
  const slotRow = column(Int32Array);
  const place = column(Uint16Array);
  const propensity = column(Float64Array);
  const placeChance = column(Float64Array);
  const targetChance = column(Float64Array);
  const rewards = Array.from({ length: width }, () => column(Float64Array));
  const user = column(Int32Array);
  const users = new Map<string, number>();
  const policyOf = column(Int32Array);
  const policies = new Map<string, { readonly index: number; readonly policy: ListPolicy }>();
  let [rows, places] = [0, 0];
  rowStart.push(0);
  slotStart.push(0);

  const userIndex = (id: string): number => {
    const index = users.get(id) ?? users.size;
    users.set(id, index);
    return index;
  };
  const policyIndex = (policy: ListPolicy): number => {
    const { weights, form, share, temperature, swaps } = policy;
    const key = JSON.stringify([weights, form, share, temperature, swaps]);
    const known = policies.get(key) ?? { index: policies.size, policy };
    policies.set(key, known);
    return known.index;
  };

  return {
    get count() {
      return user.length;
    },
    get rows() {
      return rows;
    },
    add(list) {
      const { shown } = list;
      const candidates = list.heads.length / shape.tasks.length;
      const unknown = new Float64Array(Math.max(candidates, shown.length)).fill(NaN);
      const number = user.length;
      rows += candidates;
      rowStart.push(rows);
      heads.append(list.heads);
      slotRow.append(shown);
      place.append(list.positions?.map((position) => position - 1) ?? Int32Array.from(shown, (_, at) => at));
      for (const position of list.positions ?? [shown.length]) places = Math.max(places, position);
      propensity.append(list.propensities ?? unknown.subarray(0, shown.length));
      placeChance.append(list.placeChances ?? unknown.subarray(0, shown.length));
      targetChance.append(list.targetChances ?? unknown.subarray(0, candidates));
      rewards.forEach((values, at) => values.append(list.rewards[at] ?? unknown.subarray(0, shown.length)));
      slotStart.push(slotRow.length);
      // A space keeps those without a user apart from any id.
      user.push(userIndex(list.user ?? ` ${number}`));
      policyOf.push(list.policy === undefined ? -1 : policyIndex(list.policy));
    },
    finish: () => ({
      ...shape,
      count: user.length,
      rowStart: rowStart.finish(),
      slotStart: slotStart.finish(),
      heads: heads.finish(),
      slotRow: slotRow.finish(),
      place: place.finish(),
      places,
      propensity: propensity.finish(),
      placeChance: placeChance.finish(),
      targetChance: targetChance.finish(),
      rewards: rewards.map((values) => values.finish()),
      user: user.finish(),
      users: [...users.keys()],
      policyOf: policyOf.finish(),
      policies: [...policies.values()].map(({ policy }) => policy),
    }),
  };
};
