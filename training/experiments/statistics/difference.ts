import { varianceAlong, type Moments } from './moments.js';
import { studentQuantile, studentUpperTail } from './distributions.js';

/** A mean or a ratio of means over the users of an arm. */
export interface Estimate {
  readonly users: number;
  readonly value: number;
  /** Of the value, not of a user: the squared standard error. */
  readonly variance: number;
}

/** What an arm differs by, or the relative lift. */
export interface Effect {
  readonly value: number;
  readonly standardError: number;
  /** Of freedom, by Welch and Satterthwaite; infinite where there is no variance. */
  readonly degrees: number;
  /** Of both arms. */
  readonly users: number;
}

/** Low and high; infinite where nothing is known. */
export type Interval = readonly [low: number, high: number];

/**
 * mean(N) / mean(D) over users, with the delta method's variance (s²_N - 2 R s_ND + R² s²_D) / (n mean(D)²); the plain mean of
 * N where D is 1 for everybody. Undefined for fewer than two users or a denominator of nothing.
 */
export const ratioEstimate = (moments: Moments, numerator = 0, denominator = 1): Estimate | undefined => {
  const { users, means } = moments;
  const below = means[denominator] ?? 0;
  if (users < 2 || below <= 0) return undefined;
  const value = (means[numerator] ?? 0) / below;
  const weights = ratioGradient(moments, numerator, denominator);
  return { users, value, variance: varianceAlong(moments, weights) / users };
};

/** [k] How the ratio moves with each mean. */
export const ratioGradient = ({ means }: Moments, numerator: number, denominator: number): number[] => {
  const below = means[denominator] ?? 1;
  const ratio = (means[numerator] ?? 0) / below;
  return means.map((_, i) => (i === numerator ? 1 / below : i === denominator ? -ratio / below : 0));
};

const welch = (value: number, parts: readonly { readonly variance: number; readonly users: number }[]): Effect => {
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  const spread = parts.reduce((sum, part) => sum + part.variance ** 2 / (part.users - 1), 0);
  return {
    value,
    standardError: Math.sqrt(variance),
    degrees: spread === 0 ? Infinity : variance ** 2 / spread,
    users: parts.reduce((sum, part) => sum + part.users, 0),
  };
};

export const difference = (control: Estimate, arm: Estimate): Effect =>
  welch(arm.value - control.value, [control, arm]);

/** How many standard errors a mean must be from 0 before something is said relative to it. */
const leastSignal = 3;

/**
 * arm / control - 1 by the delta method; undefined where the control's value cannot be told from 0 (within 3 standard
 * errors), as what is relative to it then has no useful bounds.
 */
export const lift = (control: Estimate, arm: Estimate): Effect | undefined => {
  if (Math.abs(control.value) <= leastSignal * Math.sqrt(control.variance)) return undefined;
  const base = control.value;
  const towardsBetter = Math.sign(base);
  return welch(towardsBetter * (arm.value / base - 1), [
    { users: arm.users, variance: arm.variance / base ** 2 },
    { users: control.users, variance: (arm.value ** 2 * control.variance) / base ** 4 },
  ]);
};

/** Welch's interval: right at the rate 1 - alpha if it is looked at once, at a time that was chosen before. */
export const fixedInterval = ({ value, standardError, degrees }: Effect, alpha: number): Interval => {
  const half = standardError === 0 ? 0 : studentQuantile(1 - alpha / 2, degrees) * standardError;
  return [value - half, value + half];
};

/** Two-sided, for one look; 1 where there is no variance and no difference. */
export const fixedPValue = ({ value, standardError, degrees }: Effect): number => {
  if (standardError === 0) return value === 0 ? 1 : 0;
  return Math.min(1, 2 * studentUpperTail(Math.abs(value) / standardError, degrees));
};
