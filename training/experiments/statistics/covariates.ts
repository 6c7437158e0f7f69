import { ratioEstimate, ratioGradient, type Estimate } from './difference.js';
import { varianceAlong, type Moments } from './moments.js';

/** Where things stand in the users' vectors. */
export interface Places {
  readonly numerator: number;
  readonly denominator: number;
  /** Known of every user before they were exposed; 0, and an indicator of it, for who had no time before. */
  readonly covariates: readonly number[];
}

export interface Adjusted {
  /** By arm, in the order given. */
  readonly estimates: readonly Estimate[];
  /** Part of the variance of the arms together that the covariates explain, rho². */
  readonly explained: number;
}

/**
 * CUPED (Deng et al. 2013) with several covariates, for means and ratios: Y - theta (X - mean X), with one theta for all arms
 * from their covariances within the arms. The covariates are of before the exposure, so arms differ in them by chance alone
 * and the estimate stays unbiased; its variance shrinks by 1 - rho². Undefined where an arm has no estimate, or where the
 * covariates vary with nothing.
 */
export const adjust = (
  arms: readonly Moments[],
  { numerator, denominator, covariates }: Places,
): Adjusted | undefined => {
  const plain = arms.map((moments) => ratioEstimate(moments, numerator, denominator));
  if (plain.some((estimate) => estimate === undefined)) return undefined;
  const total = arms.reduce((sum, { users }) => sum + users, 0);
  const pooled = (of: (moments: Moments) => number): number =>
    arms.reduce((sum, moments) => sum + (moments.users / total) * of(moments), 0);
  const gradients = arms.map((moments) => ratioGradient(moments, numerator, denominator));
  const covariance = (i: number, j: number): number => pooled(({ covariances }) => covariances[i]?.[j] ?? 0);
  const withOutcome = covariates.map((x) =>
    arms.reduce((sum, { users, covariances }, arm) => {
      const along = gradients[arm]?.reduce((inner, weight, i) => inner + weight * (covariances[i]?.[x] ?? 0), 0) ?? 0;
      return sum + (users / total) * along;
    }, 0),
  );
  const among = covariates.map((x) => covariates.map((other) => covariance(x, other)));
  const theta = solve(among, withOutcome);
  if (theta.every((each) => each === 0)) return undefined;
  const overall = covariates.map((x) => pooled(({ means }) => means[x] ?? 0));
  const estimates = arms.map((moments, arm): Estimate => {
    const shift = covariates.reduce(
      (sum, x, place) => sum + (theta[place] ?? 0) * ((moments.means[x] ?? 0) - (overall[place] ?? 0)),
      0,
    );
    const weights = [...(gradients[arm] ?? [])];
    covariates.forEach((x, place) => (weights[x] = (weights[x] ?? 0) - (theta[place] ?? 0)));
    return {
      users: moments.users,
      value: (plain[arm]?.value ?? 0) - shift,
      variance: varianceAlong(moments, weights) / moments.users,
    };
  });
  const before = plain.reduce((sum, estimate) => sum + (estimate?.variance ?? 0) * (estimate?.users ?? 0) ** 2, 0);
  const after = estimates.reduce((sum, { variance, users }) => sum + variance * users ** 2, 0);
  return { estimates, explained: before === 0 ? 0 : Math.max(0, 1 - after / before) };
};

/** A covariate that the others explain to this part adds nothing but rounding. */
const leastPivot = 1e-9;

/** A x = b for a covariance matrix, by elimination with diagonal pivots; what depends on the others gets 0. */
const solve = (matrix: readonly (readonly number[])[], right: readonly number[]): number[] => {
  const size = right.length;
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0]);
  const open = new Set(right.map((_, i) => i));
  const used: number[] = [];
  for (;;) {
    let pivot = -1;
    for (const i of open) {
      const value = rows[i]?.[i] ?? 0;
      if (value > leastPivot * (matrix[i]?.[i] ?? 0) && value > (rows[pivot]?.[pivot] ?? 0)) pivot = i;
    }
    const chosen = rows[pivot];
    if (chosen === undefined) break;
    open.delete(pivot);
    used.push(pivot);
    const scale = chosen[pivot] ?? 1;
    for (let column = 0; column <= size; column++) chosen[column] = (chosen[column] ?? 0) / scale;
    rows.forEach((row, i) => {
      const factor = row[pivot] ?? 0;
      if (i === pivot || factor === 0) return;
      for (let column = 0; column <= size; column++) row[column] = (row[column] ?? 0) - factor * (chosen[column] ?? 0);
    });
  }
  return right.map((_, i) => (used.includes(i) ? (rows[i]?.[size] ?? 0) : 0));
};
