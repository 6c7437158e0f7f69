import type { Exploration } from '../events/index.js';
import { topRows } from './order.js';
import { utilities, type OrderPolicy } from './order-policy.js';

/** An order, and how it came about. */
export interface DrawnOrder {
  /** The answered rows, best first. */
  readonly rows: Int32Array;
  readonly drawn: Exploration['drawn'];
  readonly swap?: NonNullable<Exploration['swap']>;
}

export interface SampleOptions {
  /** [candidates] NaN for what was not scored: always last, in the order of the rows, and never varied. */
  readonly scores: Float64Array;
  /** How many rows to answer at most. */
  readonly limit: number;
  readonly policy: OrderPolicy;
  /** Uniform in (0, 1), both ends left out. Called once if the order is by score, and once per candidate for noise. */
  readonly random: () => number;
}

/**
 * Draws the order of one request. With probability `share`, candidates are ordered by utility plus Gumbel noise, which draws
 * from the Plackett-Luce distribution: each place goes to one of those left, in proportion to exp(utility) (Yellott, The
 * relationship between Luce's choice axiom, Thurstone's theory of comparative judgment, and the double exponential
 * distribution, 1977). With probability `swaps` the order is by score but for a position, drawn evenly from 2 to the last
 * scored one answered, that changes places with the first with probability 1/2. Else the order is by score.
 */
export const sampleOrder = ({ scores, limit, policy, random }: SampleOptions): DrawnOrder => {
  const component = random();
  if (component < policy.share) return { rows: noisyRows({ scores, limit, policy, random }), drawn: 'noise' };
  const rows = topRows(scores, limit);
  if (component >= policy.share + policy.swaps) return { rows, drawn: 'greedy' };
  const answered = scoredRows(rows, scores);
  if (answered < 2) return { rows, drawn: 'greedy' };
  const below = 1 + Math.floor(random() * (answered - 1));
  const swapped = random() < 0.5;
  if (swapped) [rows[0], rows[below]] = [rows[below] ?? 0, rows[0] ?? 0];
  return { rows, drawn: 'swap', swap: { position: below + 1, swapped } };
};

/** How many of the rows were scored: they come first. */
export const scoredRows = (rows: Int32Array, scores: Float64Array): number => {
  const first = rows.findIndex((row) => Number.isNaN(scores[row] ?? NaN));
  return first < 0 ? rows.length : first;
};

/** One number is drawn for every candidate, scored or not: which noise a row gets is a matter of its place alone. */
const noisyRows = ({ scores, limit, policy, random }: SampleOptions): Int32Array => {
  const noise = new Float64Array(scores.length);
  const noisy = utilities(scores, policy);
  for (let row = 0; row < noise.length; row++) {
    const gumbel = -Math.log(-Math.log(random()));
    noise[row] = gumbel;
    noisy[row] = (noisy[row] ?? NaN) + gumbel;
  }
  // Of utilities so large that they swallow the noise, equal ones are still told apart by it.
  return topRows(noisy, limit, noise);
};
