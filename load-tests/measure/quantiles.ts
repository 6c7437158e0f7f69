/** Quantiles of a set of values in milliseconds; NaN of none. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** The smallest value that at least this share of all are not above (nearest rank); `sorted` ascending. */
export const quantile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.max(0, Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1))] ?? NaN;

export const sortedValues = (values: Iterable<number>): Float64Array =>
  Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();

export const summarise = (values: Iterable<number>): LatencySummary => {
  const sorted = sortedValues(values);
  const at = (share: number): number => round(quantile(sorted, share));
  return {
    count: sorted.length,
    meanMs: round(sorted.reduce((sum, value) => sum + value, 0) / sorted.length),
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
  };
};

/** One line of a percentile distribution as HdrHistogram prints it. */
export interface DistributionPoint {
  readonly percentile: number;
  readonly ms: number;
  /** Values up to here. */
  readonly count: number;
}

/** Percentiles that halve the distance to 100 in five steps each, as long as they tell values apart, and the last. */
export const distribution = (values: Iterable<number>): readonly DistributionPoint[] => {
  const sorted = sortedValues(values);
  const points: DistributionPoint[] = [];
  const stepsPerHalving = 5;
  for (let halving = 0; halving < 20; halving++) {
    const left = 2 ** -halving;
    for (let step = 0; step < stepsPerHalving; step++) {
      const share = 1 - left + (step * left) / (2 * stepsPerHalving);
      if (share > 0 && (1 - share) * sorted.length < 1) break;
      points.push({
        percentile: round(100 * share, 6),
        ms: round(quantile(sorted, share)),
        count: Math.max(1, Math.ceil(share * sorted.length)),
      });
    }
    if (left * sorted.length < 2) break;
  }
  return sorted.length === 0
    ? []
    : [...points, { percentile: 100, ms: round(quantile(sorted, 1)), count: sorted.length }];
};

export const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

/** The middle value, or the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length === 0 ? NaN : ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
};
