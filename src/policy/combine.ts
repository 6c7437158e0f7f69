import type { ScoreDefinition } from '../definition/index.js';

/** How head values become one score. `weights` by task in head order; 0 leaves a head out. */
export interface Combination {
  readonly form: ScoreDefinition['form'];
  readonly weights: readonly number[]; // [tasks]
}

/** Head values below this count as this in the product: one head at zero must not erase what the others say. */
const smallestFactor = 1e-9;

/**
 * One head's part of the score: w·log(max(g, 1e-9)) for the product, whose score is exp of the sum of the parts,
 * and w·g for the sum. A head with weight 0 has no part.
 */
export const scorePart = (form: Combination['form'], weight: number, value: number): number => {
  if (weight === 0) return 0;
  return form === 'product' ? weight * Math.log(Math.max(value, smallestFactor)) : weight * value;
};

/**
 * [rows] scores of heads [rows, tasks]: prod value^weight (Zhao et al. 2019, section 4.2) or sum weight·value. A row gets
 * NaN, which means "not scored", if any of its heads or its score is not finite: it must never get a made-up number.
 */
export const combine = (heads: Float32Array, { form, weights }: Combination): Float64Array => {
  const tasks = weights.length;
  const rows = heads.length / tasks;
  const scores = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let task = 0; task < tasks; task++) {
      const value = heads[row * tasks + task] ?? NaN;
      sum += Number.isFinite(value) ? scorePart(form, weights[task] ?? 0, value) : NaN;
    }
    const score = form === 'product' ? Math.exp(sum) : sum;
    scores[row] = Number.isFinite(score) ? score : NaN;
  }
  return scores;
};
