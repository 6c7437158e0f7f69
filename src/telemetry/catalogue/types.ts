/**
 * One metric. Its name ends in its unit where it has one (`_seconds`, `_bytes`, `_ratio`, `_timestamp_seconds`) and in
 * `_total` if it only grows; `_info` is always 1 and says something in its labels.
 */
export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** What is counted or measured: requests, rows, seconds, a share from 0 to 1, ... */
  readonly unit: string;
  /**
   * By label its values: all there are, or what they are. Few of them: routes, stages, rankers, features, the last versions;
   * never users, items or request ids, because a scrape builds its text on the event loop.
   */
  readonly labels: Readonly<Record<string, string | readonly string[]>>;
  /** A sentence: what it says. */
  readonly help: string;
  /** What to do when it moves. */
  readonly act: string;
  /** Of a histogram: upper bounds, ascending. */
  readonly buckets?: readonly number[];
}

export type MetricArea = Readonly<Record<`watchnext_${string}`, MetricSpec>>;

export const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const;
export const stageBuckets = [0.00025, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1] as const;
