import type { EventId, Impression } from '../events/index.js';
import {
  combine,
  logChances,
  orderRandom,
  propensities,
  sampleOrder,
  type Combination,
  type OrderPolicy,
} from '../policy/index.js';

/** The answered items of an impression, scored again. */
export interface Rescored {
  /** [items] the row of each in the request. */
  readonly place: Int32Array;
  /** [items] */
  readonly scores: Float64Array;
  readonly combination: Combination;
  /** Whether by the version that answered: then what else was scored had the scores that were logged. */
  readonly answered: boolean;
}

export interface Redrawn {
  /** Ids, best first. */
  readonly order: readonly EventId[];
  /** [items] in this order; undefined of another version, as nobody knows how it scores what was not answered. */
  readonly propensities: Float64Array | undefined;
}

const byScore = { share: 0, temperature: 1, swaps: 0 };

/**
 * The order that these scores give with the numbers that the request was ranked with, each candidate in its place: by score,
 * equal ones as in the request, what has no score last, and varied as it was.
 */
export const redraw = (impression: Impression, { place, scores, combination, answered }: Rescored): Redrawn => {
  const { requestId, ranker, items, candidates, exploration = byScore, unshown, tasks } = impression;
  const ids = new Map<number, EventId>();
  const all = new Float64Array(Math.max(candidates, items.length)).fill(NaN);
  const put = (row: number, id: EventId, score: number): void => {
    ids.set(row, id);
    all[row] = score;
  };
  items.forEach(({ id }, item) => put(place[item] ?? item, id, scores[item] ?? NaN));
  if (answered && unshown !== undefined && tasks.length === combination.weights.length)
    combine(unshown.heads, combination).forEach((score, at) =>
      put(unshown.rows[at] ?? 0, unshown.ids[at] ?? '', score),
    );
  const policy: OrderPolicy = { ...exploration, form: combination.form };
  const { rows } = sampleOrder({ scores: all, limit: items.length, policy, random: orderRandom(requestId, ranker) });
  return {
    order: named(rows, place, ids),
    propensities: answered ? propensities(logChances({ scores: all, rows, policy })) : undefined,
  };
};

/** Another version may have no score where this one had: then rows come up that were not answered, and are passed over. */
const named = (rows: Int32Array, place: Int32Array, ids: ReadonlyMap<number, EventId>): EventId[] => {
  const drawn = Array.from(rows).filter((row) => ids.has(row));
  const left = Array.from(place).filter((row) => !drawn.includes(row));
  return [...drawn, ...left.sort((a, b) => a - b)].slice(0, place.length).map((row) => ids.get(row) ?? '');
};
