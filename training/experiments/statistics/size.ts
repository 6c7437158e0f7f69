import { normalQuantile } from './distributions.js';
import { sequentialWidth } from './sequential.js';

export interface PlanOptions {
  /** Two-sided. */
  readonly alpha: number;
  /** Chance of telling the effect if it is there. */
  readonly power: number;
  /** Parts of the users in control and arm, of those who take part in this comparison; they need not sum to 1. */
  readonly shares: readonly [control: number, arm: number];
}

/** Standard deviation, in users' units, of the difference of two means per root of all users of both. */
const spreadOf = (deviation: number, [control, arm]: PlanOptions['shares']): number => {
  const total = control + arm;
  return deviation * Math.sqrt(total / control + total / arm);
};

/**
 * The smallest difference that so many users of both arms together tell at the end of a fixed time:
 * (z_{1-alpha/2} + z_power) sigma sqrt(1/n1 + 1/n2). `deviation` is that of a user, after any adjustment.
 */
export const detectable = (users: number, deviation: number, { alpha, power, shares }: PlanOptions): number =>
  ((normalQuantile(1 - alpha / 2) + normalQuantile(power)) * spreadOf(deviation, shares)) / Math.sqrt(users);

/** Users of both arms together that tell a difference at the end of a fixed time; the other way round. */
export const usersNeeded = (effect: number, deviation: number, { alpha, power, shares }: PlanOptions): number =>
  Math.ceil((((normalQuantile(1 - alpha / 2) + normalQuantile(power)) * spreadOf(deviation, shares)) / effect) ** 2);

/** Further than anything grows. */
const mostUsers = 2 ** 50;

/**
 * Users at which the always-valid interval leaves out 0 with this power, if the effect is what is said: later than a fixed
 * look would, because it may be looked at all the time. Infinity where nothing would do.
 */
export const usersNeededSequentially = (
  effect: number,
  deviation: number,
  { alpha, power, shares, tunedFor }: PlanOptions & { readonly tunedFor?: number },
): number => {
  const spread = spreadOf(deviation, shares);
  if (spread === 0) return 4;
  const tells = (users: number): boolean => {
    const width = sequentialWidth(users, { alpha, ...(tunedFor !== undefined && { tunedFor }) });
    return effect >= ((width + normalQuantile(power)) * spread) / Math.sqrt(users);
  };
  let high = 4;
  while (!tells(high)) if ((high *= 2) > mostUsers) return Infinity;
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (tells(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil(high);
};
