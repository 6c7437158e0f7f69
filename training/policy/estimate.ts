import { studentQuantile } from '../experiments/index.js';
import type { OutcomeModel } from './outcome.js';
import type { Estimate, LoggedLists } from './types.js';

/** Of rewards by importance: plain, self-normalised by place, doubly robust. */
export const estimators = ['ips', 'snips', 'dr'] as const;
export type Estimator = (typeof estimators)[number];

export interface ContributionOptions {
  readonly lists: LoggedLists;
  readonly which: Int32Array;
  /** [slots] */
  readonly importance: Float64Array;
  /** Which reward. */
  readonly column: number;
  /** For `dr`: the model, and what it expects the target to bring [which]. */
  readonly model?: { readonly outcome: OutcomeModel; readonly expected: Float64Array };
}

/**
 * [which] what each list contributes: their mean is the estimate, their differences its error.
 *
 *   ips    sum_k w_k r_k
 *   snips  sum_k of the place’s self-normalised mean rho_k = sum w r / sum w, linearised: rho_k + w_k (r_k - rho_k) / mean w
 *   dr     q(target) + sum_k w_k (r_k - q_k)
 */
export const contributions = (estimator: Estimator, options: ContributionOptions): Float64Array => {
  if (estimator === 'snips') return selfNormalised(options);
  const { lists, which, importance, column, model } = options;
  const rewards = lists.rewards[column] as Float64Array;
  const robust = estimator === 'dr' ? model : undefined;
  const contributed = robust === undefined ? new Float64Array(which.length) : robust.expected.slice();
  for (let at = 0; at < which.length; at++) {
    const list = which[at] as number;
    const first = lists.rowStart[list] as number;
    let sum = 0;
    for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++) {
      const weight = importance[slot] as number;
      if (weight === 0) continue;
      const row = first + (lists.slotRow[slot] as number);
      const place = lists.place[slot] as number;
      const modelled =
        robust === undefined ? 0 : (robust.outcome.byRow[row] as number) * (robust.outcome.byPlace[place] as number);
      sum += weight * ((rewards[slot] as number) - modelled);
    }
    contributed[at] = (contributed[at] as number) + sum;
  }
  return contributed;
};

const selfNormalised = ({ lists, which, importance, column }: ContributionOptions): Float64Array => {
  const rewards = lists.rewards[column] as Float64Array;
  const [weights, products, counts] = [0, 0, 0].map(() => new Float64Array(lists.places)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const each = (visit: (slot: number, place: number, at: number) => void): void => {
    which.forEach((list, at) => {
      for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++)
        visit(slot, lists.place[slot] as number, at);
    });
  };
  each((slot, place) => {
    const weight = importance[slot] as number;
    weights[place] = (weights[place] as number) + weight;
    products[place] = (products[place] as number) + weight * (rewards[slot] as number);
    counts[place] = (counts[place] as number) + 1;
  });
  const contributed = new Float64Array(which.length);
  each((slot, place, at) => {
    const total = weights[place] as number;
    if (total === 0) return;
    const mean = (products[place] as number) / total;
    const off = (importance[slot] as number) * ((rewards[slot] as number) - mean);
    contributed[at] = (contributed[at] as number) + mean + (off * (counts[place] as number)) / total;
  });
  return contributed;
};

/** Of a quotient of two estimates: contributions whose mean is the quotient, by the delta method. */
export const quotient = (above: Float64Array, below: Float64Array): Float64Array => {
  const [total, count] = [sumOf(above), sumOf(below)];
  const ratio = total / count;
  const mean = count / below.length;
  return above.map((value, at) => ratio + (value - ratio * (below[at] as number)) / mean);
};

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

export interface IntervalOptions {
  readonly lists: LoggedLists;
  readonly which: Int32Array;
  /** Share of intervals that cover the truth; 0.95 if left out. */
  readonly level?: number;
}

/**
 * The mean of contributions per list, with an interval that lets the lists of one user depend on each other: users are drawn,
 * not lists. Half its width is a quantile of Student’s t, with as many degrees of freedom as the spread of the users’ parts
 * tells (their variance’s own variance, after Satterthwaite): few heavy users make it wider.
 */
export const estimateMean = (contributed: Float64Array, { lists, which, level = 0.95 }: IntervalOptions): Estimate => {
  const count = which.length;
  const value = sumOf(contributed) / count;
  const byUser = new Float64Array(lists.users.length);
  const seen = new Uint8Array(lists.users.length);
  which.forEach((list, at) => {
    const user = lists.user[list] as number;
    byUser[user] = (byUser[user] as number) + (contributed[at] as number) - value;
    seen[user] = 1;
  });
  let [users, squares, fourths] = [0, 0, 0];
  byUser.forEach((part, user) => {
    users += seen[user] as number;
    squares += part ** 2;
    fourths += part ** 4;
  });
  const spread = fourths - squares ** 2 / users;
  const freedom = spread > 0 ? Math.min(users - 1, Math.max(1, (2 * squares ** 2) / spread)) : users - 1;
  const error = users < 2 ? Infinity : Math.sqrt((squares * users) / (users - 1)) / count;
  const half = error === 0 ? 0 : error * (users < 2 ? 1 : studentQuantile(1 - (1 - level) / 2, freedom));
  return { value, low: value - half, high: value + half, error };
};
