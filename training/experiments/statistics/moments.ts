/** What is known of the users of one arm: each is a vector of k numbers, such as what they watched and were shown. */
export interface Moments {
  readonly users: number;
  /** [k] */
  readonly means: readonly number[];
  /** [k, k] unbiased, with users - 1; zeros for fewer than two users. */
  readonly covariances: readonly (readonly number[])[];
}

/** Variances below this part of the squared mean are rounding: such values are all the same. */
const roundingShare = 1e-12;

/**
 * Moments from sums over users. `products` [k, k] are sums of products; only those with row <= column are read.
 */
export const momentsOf = (
  users: number,
  sums: readonly number[],
  products: readonly (readonly number[])[],
): Moments => {
  const means = sums.map((sum) => (users === 0 ? 0 : sum / users));
  const covariance = (i: number, j: number): number => {
    if (users < 2) return 0;
    const [row, column] = i <= j ? [i, j] : [j, i];
    const product = products[row]?.[column] ?? 0;
    const chance = (means[i] ?? 0) * (means[j] ?? 0) * users;
    const value = (product - chance) / (users - 1);
    return Math.abs(value) * (users - 1) <= roundingShare * Math.max(Math.abs(product), Math.abs(chance)) ? 0 : value;
  };
  return { users, means, covariances: means.map((_, i) => means.map((_other, j) => covariance(i, j))) };
};

/** w' Σ w: the variance of the users' weighted sums. */
export const varianceAlong = ({ covariances }: Moments, weights: readonly number[]): number =>
  Math.max(
    0,
    weights.reduce(
      (sum, wi, i) => sum + weights.reduce((inner, wj, j) => inner + wi * wj * (covariances[i]?.[j] ?? 0), 0),
      0,
    ),
  );
