import type { ScoreDefinition } from '../definition/index.js';

/** How a list is ordered: by score, and how that is varied. `share` and `swaps` together are at most 1. */
export interface OrderPolicy {
  /** Noise is added to the log of a product score, and to a sum score as it is. */
  readonly form: ScoreDefinition['form'];
  /** Share of requests ranked by score with Gumbel noise (Plackett-Luce sampling). */
  readonly share: number;
  /** Of the noise; over 0. */
  readonly temperature: number;
  /** Share of requests in which the first item may change places with one below. */
  readonly swaps: number;
}

/** Whether the same request can be answered in more than one order. */
export const varies = ({ share, swaps }: Pick<OrderPolicy, 'share' | 'swaps'>): boolean => share > 0 || swaps > 0;

/** The largest difference of utilities that is told apart: sums and differences of such numbers stay finite. */
const farthest = 1e300;
const clamped = (value: number): number => Math.min(farthest, Math.max(-farthest, value));

/**
 * [candidates] the logarithm of each candidate's weight in Plackett-Luce sampling: log score (product) or score (sum), over
 * the temperature. NaN stays NaN: not scored. A product score of 0 counts as the smallest positive number, and what is beyond
 * 1e300 as that: equal scores have equal chances, and no chance is NaN.
 */
export const utilities = (
  scores: Float64Array,
  { form, temperature }: Pick<OrderPolicy, 'form' | 'temperature'>,
): Float64Array =>
  scores.map((score) => {
    const plain = form === 'product' ? Math.log(Math.max(score, Number.MIN_VALUE)) : score;
    return clamped(clamped(plain) / temperature);
  });
