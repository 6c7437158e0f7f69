import { scorePart } from '../../src/policy/index.js';
import type { ListPolicy, LoggedLists } from './types.js';

/** The weights that are searched: a box with the weights that apply now. */
export interface WeightSpace {
  /** [tasks] */
  readonly current: readonly number[];
  readonly form: ListPolicy['form'];
  /** By task [low, high]; equal ends keep a weight as it is. */
  readonly bounds: readonly (readonly [number, number])[];
}

/**
 * Where to look: the declared bounds; where there are none, from 0 to twice the largest weight there is, on the side of 0 that
 * the weight is on.
 */
export const searchBounds = (
  tasks: readonly string[],
  current: readonly number[],
  declared: Readonly<Record<string, readonly [number, number]>> = {},
): (readonly [number, number])[] => {
  const largest = Math.max(...current.map(Math.abs)) || 1;
  return tasks.map((task, at) => declared[task] ?? ((current[at] ?? 0) < 0 ? [-2 * largest, 0] : [0, 2 * largest]));
};

const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53] as const;

/** The point of a number in Halton’s sequence: even over the unit cube, whatever the number of points. */
export const haltonPoint = (number: number, dimensions: number): number[] =>
  Array.from({ length: dimensions }, (_, dimension) => {
    const base = primes[dimension % primes.length] as number;
    let [value, fraction] = [0, 1];
    for (let rest = number + 1; rest > 0; rest = Math.floor(rest / base)) {
      fraction /= base;
      value += (rest % base) * fraction;
    }
    return value;
  });

/**
 * How far scores of one list are apart: the standard deviation of the utility within lists, of weights [tasks]. The noise of
 * exploration is relative to it, while an order by score is the same for weights twice as large.
 */
export const spreadMeasure = (
  lists: LoggedLists,
  { which, form }: { readonly which: Int32Array; readonly form: ListPolicy['form'] },
): ((weights: readonly number[]) => number) => {
  const tasks = lists.tasks.length;
  const covariance = new Float64Array(tasks * tasks);
  const parts = new Float64Array(tasks);
  let rows = 0;
  for (const list of which) {
    const [first, past] = [lists.rowStart[list] as number, lists.rowStart[list + 1] as number];
    const means = new Float64Array(tasks);
    const partsOf = (row: number): void => {
      for (let task = 0; task < tasks; task++)
        parts[task] = scorePart(form, 1, lists.heads[row * tasks + task] as number);
    };
    for (let row = first; row < past; row++) {
      partsOf(row);
      for (let task = 0; task < tasks; task++)
        means[task] = (means[task] as number) + (parts[task] as number) / (past - first);
    }
    for (let row = first; row < past; row++) {
      partsOf(row);
      for (let i = 0; i < tasks; i++)
        for (let j = 0; j < tasks; j++)
          covariance[i * tasks + j] =
            (covariance[i * tasks + j] as number) +
            ((parts[i] as number) - (means[i] as number)) * ((parts[j] as number) - (means[j] as number));
    }
    rows += past - first;
  }
  return (weights) => {
    let sum = 0;
    for (let i = 0; i < tasks; i++)
      for (let j = 0; j < tasks; j++)
        sum += (weights[i] as number) * (weights[j] as number) * (covariance[i * tasks + j] as number);
    return Math.sqrt(Math.max(0, sum) / Math.max(1, rows));
  };
};

/**
 * Weights of the same direction whose scores are as far apart as now, as far as the bounds allow: so that a gain is one of the
 * order and not of less noise, and one order is tried once.
 */
export const sameSpread = (
  weights: readonly number[],
  { space, spread }: { readonly space: WeightSpace; readonly spread: (weights: readonly number[]) => number },
): number[] => {
  const [wanted, given] = [spread(space.current), spread(weights)];
  let [least, most] = [0, Infinity];
  weights.forEach((weight, task) => {
    const [low, high] = space.bounds[task] ?? [weight, weight];
    if (weight === 0) return;
    const ends = [low / weight, high / weight];
    least = Math.max(least, Math.min(...ends));
    most = Math.min(most, Math.max(...ends));
  });
  const scale = given > 0 && wanted > 0 ? Math.min(most, Math.max(least, wanted / given)) : 1;
  return weights.map((weight, task) => {
    const [low, high] = space.bounds[task] ?? [weight, weight];
    return Math.min(high, Math.max(low, Number((weight * scale).toPrecision(4))));
  });
};
