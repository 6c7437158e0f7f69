import { normalQuantile, studentQuantile } from '../experiments/index.js';

/** A mean with its 95 % interval over replicates. `low` and `high` are null where one replicate says nothing of the spread. */
export interface Interval {
  readonly estimate: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly replicates: number;
}

/**
 * Student's interval of the mean of independent replicates. Where each replicate has its own world, log and training seed,
 * it holds all that varies: people, videos, what was logged and how training went.
 */
export const meanInterval = (values: readonly number[]): Interval => {
  const replicates = values.length;
  const estimate = values.reduce((sum, value) => sum + value, 0) / replicates;
  if (replicates < 2) return { estimate, low: null, high: null, replicates };
  const variance = values.reduce((sum, value) => sum + (value - estimate) ** 2, 0) / (replicates - 1);
  const half = studentQuantile(0.975, replicates - 1) * Math.sqrt(variance / replicates);
  return { estimate, low: estimate - half, high: estimate + half, replicates };
};

/** What an interval says of the sign: undefined where it holds 0, or where there is no interval. */
export const signOf = ({ low, high }: Interval): 'up' | 'down' | undefined => {
  if (low === null || high === null) return undefined;
  if (low > 0) return 'up';
  return high < 0 ? 'down' : undefined;
};

/**
 * About how many replicates would show a difference of this size four times out of five: the interval shrinks with the root
 * of their number. Undefined where there is no interval.
 */
export const replicatesFor = ({ low, high, replicates }: Interval, difference: number): number | undefined => {
  if (low === null || high === null) return undefined;
  const standardError = (high - low) / 2 / studentQuantile(0.975, replicates - 1);
  const needed = ((normalQuantile(0.975) + normalQuantile(0.8)) * standardError) / Math.abs(difference);
  return Math.max(2, Math.ceil(replicates * needed ** 2));
};
