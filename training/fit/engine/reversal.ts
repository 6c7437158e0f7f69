/** How strongly an adversary's gradient is turned around. */
export interface Reversal {
  /** In the end. */
  readonly weight: number;
  /** Share of training over which it rises, 0 to 1. */
  readonly ramp: number;
}

/**
 * Ganin's schedule (JMLR 2016): weight * (2 / (1 + e^(-10 p)) - 1), where p is how much of the ramp is over; from 0 to 0.9999
 * of the weight. `progress` is the share of training that is over.
 */
export const reversalAt = (progress: number, { weight, ramp }: Reversal): number => {
  const done = ramp === 0 ? 1 : Math.min(1, progress / ramp);
  return weight * (2 / (1 + Math.exp(-10 * done)) - 1);
};
