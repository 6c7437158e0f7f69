import type { Effect, Interval } from './difference.js';

/** How the always-valid interval is tuned; it holds at every size and is narrowest, relative to a fixed one, near this many users. */
export interface SequentialOptions {
  readonly alpha: number;
  /** N*: users of both arms; 5000 if left out. */
  readonly tunedFor?: number;
}

const usualSize = 5000;

/** sqrt((-2 ln a + ln(-2 ln a + 1)) / N*), of Waudby-Smith et al. (2021), "Time-uniform central limit theory". */
export const sequentialRho = ({ alpha, tunedFor = usualSize }: SequentialOptions): number => {
  const twice = -2 * Math.log(alpha);
  return Math.sqrt((twice + Math.log(twice + 1)) / tunedFor);
};

/** How many standard errors the always-valid interval reaches to each side with so many users. */
export const sequentialWidth = (users: number, options: SequentialOptions): number => {
  const information = users * sequentialRho(options) ** 2;
  if (information === 0) return Infinity;
  return Math.sqrt((2 * (information + 1) * Math.log(Math.sqrt(information + 1) / options.alpha)) / information);
};

/**
 * The asymptotic confidence sequence: it holds the truth at every look at once at the rate 1 - alpha, so that an experiment
 * may be watched, and stopped when it has something to say.
 */
export const sequentialInterval = ({ value, standardError, users }: Effect, options: SequentialOptions): Interval => {
  const half = standardError === 0 ? 0 : sequentialWidth(users, options) * standardError;
  return [value - half, value + half];
};

/** The same as a p-value: at most alpha exactly where the interval leaves out 0. */
export const sequentialPValue = ({ value, standardError, users }: Effect, options: SequentialOptions): number => {
  if (standardError === 0) return value === 0 ? 1 : 0;
  const information = users * sequentialRho(options) ** 2;
  const evidence =
    (information * (value / standardError) ** 2) / (2 * (information + 1)) - Math.log(information + 1) / 2;
  return Math.min(1, Math.exp(-evidence));
};
