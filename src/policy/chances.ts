import { topRows } from './order.js';
import { utilities, type OrderPolicy } from './order-policy.js';
import { scoredRows } from './sample.js';

export interface ListOptions {
  /** [candidates] as for sampling: of all candidates, answered or not, in the order of the request; NaN is not scored. */
  readonly scores: Float64Array;
  /** The answered rows in their order. How many they are is taken as given. */
  readonly rows: Int32Array;
  readonly policy: OrderPolicy;
}

/**
 * [rows] the logarithm of the chance that the policy begins its answer with the first k of these rows, whichever part of it
 * drew them; -Infinity is never.
 *
 *   P(a_1..a_k) = share · PL(a_1..a_k) + swaps · swap(a_1..a_k) + (1 - share - swaps) · greedy(a_1..a_k)
 *   PL(a_1..a_k) = prod_j exp(u_aj) / sum of exp(u) over all scored rows but a_1..a_(j-1), those not answered included
 *   swap(a_1..a_k) = 1/2 greedy(a_1..a_k) + 1/2 · 1/(K-1) · how many positions 2..K give a list that begins like this
 *
 * greedy is 1 for what the order by score begins with (equal ones as in the request), else 0; K is how many of the answered
 * are scored, and where it is 1 there is nothing to swap. Rows without a score follow in the order of the request.
 */
export const logChances = ({ scores, rows, policy }: ListOptions): Float64Array => {
  const byScore = topRows(scores, rows.length);
  const scored = scoredRows(byScore, scores);
  const swaps = scored < 2 ? 0 : policy.swaps;
  const logShare = Math.log(policy.share);
  const logGreedy = Math.log(Math.max(0, 1 - policy.share - swaps / 2));
  const logSwap = Math.log(swaps / 2 / (scored - 1));
  let noisy = policy.share > 0;
  const noise = noisy ? plackettLuce({ scores, rows, policy }, scored) : new Float64Array(0);
  let inOrder = true;
  // An order with two places changed says by its first item which they are.
  const position = byScore.indexOf(rows[0] ?? -1);
  let swapped = position > 0 && position < scored;
  const chances = new Float64Array(rows.length);
  rows.forEach((row, at) => {
    const best = byScore[at];
    inOrder &&= row === best;
    swapped &&= row === (at === 0 ? byScore[position] : at === position ? byScore[0] : best);
    // Those without a score follow in their order, whatever was drawn.
    noisy &&= at < scored || row === best;
    const ordered = addLogs(inOrder ? logGreedy : -Infinity, swapped ? logSwap : -Infinity);
    chances[at] = noisy ? addLogs(ordered, logShare + (noise[at] ?? 0)) : ordered;
  });
  return chances;
};

/**
 * [rows] the chance of each row given the rows above it, P(a_1..a_k) / P(a_1..a_(k-1)); 0 from where on the list is
 * impossible. Their product is the chance of the list.
 */
export const propensities = (chances: Float64Array): Float64Array =>
  chances.map((chance, at) => (chance === -Infinity ? 0 : Math.min(1, Math.exp(chance - (chances[at - 1] ?? 0)))));

/**
 * [rows] log PL of each beginning. What is left at each place is summed from the end of the list: subtracting from the total
 * would leave nothing of the small ones. The sum is kept beside its largest term, so that equal ones stay equal at any size.
 */
const plackettLuce = ({ scores, rows, policy }: ListOptions, scored: number): Float64Array => {
  const utility = utilities(scores, policy);
  const answered = new Uint8Array(scores.length);
  for (const row of rows) answered[row] = 1;
  let [most, sum] = [-Infinity, 0]; // what is left weighs exp(most) · sum
  const add = (value: number): void => {
    if (value > most) [most, sum] = [value, sum * Math.exp(most - value) + 1];
    else sum += Math.exp(value - most);
  };
  utility.forEach((value, row) => {
    if (!Number.isNaN(value) && answered[row] === 0) add(value);
  });
  const chances = new Float64Array(rows.length);
  for (let at = scored - 1; at >= 0; at--) {
    const value = utility[rows[at] ?? -1] ?? NaN;
    if (!Number.isNaN(value)) add(value);
    chances[at] = Number.isNaN(value) ? -Infinity : value - most - Math.log(sum);
  }
  for (let at = 1; at < rows.length; at++) chances[at] = (chances[at] ?? 0) + (chances[at - 1] ?? 0);
  return chances;
};

/** log(exp(a) + exp(b)) */
const addLogs = (a: number, b: number): number => {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
};
