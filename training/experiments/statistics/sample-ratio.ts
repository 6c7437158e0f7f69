import gammaln from '@stdlib/math-base-special-gammaln';
import { chiSquareUpperTail } from './distributions.js';

/** Below this the split is taken to be broken, and nothing else of the experiment to be trusted. */
export const sampleRatioAlarm = 0.001;

/** Users by arm against the shares they should have; the shares sum to 1. Pearson's chi-square, for one look. */
export const chiSquareTest = (
  counts: readonly number[],
  shares: readonly number[],
): { readonly statistic: number; readonly pValue: number } => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0 || counts.length < 2) return { statistic: 0, pValue: 1 };
  const statistic = counts.reduce((sum, count, arm) => {
    const expected = total * (shares[arm] ?? 0);
    return sum + (expected === 0 ? (count === 0 ? 0 : Infinity) : (count - expected) ** 2 / expected);
  }, 0);
  return { statistic, pValue: statistic === Infinity ? 0 : chiSquareUpperTail(statistic, counts.length - 1) };
};

/** Of the prior: as if so many users had been seen at the shares; large is quick to see small imbalances in large samples. */
const concentration = 10_000;

/**
 * ln of the Bayes factor of any split against this one, with a Dirichlet prior around it (Lindon and Malek 2022, "Anytime-valid
 * inference for multinomial count data"). It grows past 1/alpha at any time with a chance of at most alpha if the split is
 * right.
 */
export const splitEvidence = (counts: readonly number[], shares: readonly number[], prior = concentration): number => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (sum, count, arm) => {
      const share = shares[arm] ?? 0;
      if (share === 0) return count === 0 ? sum : Infinity;
      return sum + gammaln(prior * share + count) - gammaln(prior * share) - count * Math.log(share);
    },
    gammaln(prior) - gammaln(prior + total),
  );
};

/** The p-value that holds however often it is looked at: of the largest evidence among these looks, counts [looks][arms]. */
export const sequentialSplitPValue = (looks: readonly (readonly number[])[], shares: readonly number[]): number =>
  Math.min(1, Math.exp(-Math.max(0, ...looks.map((counts) => splitEvidence(counts, shares)))));
