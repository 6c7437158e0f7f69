import type { JoinProgress } from '../../src/join/index.js';
import type { Metrics } from '../../src/telemetry/index.js';
import { createGrowth } from '../growth.js';

export interface JoinerMetricsOptions {
  readonly ranker: string;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Takes what a joiner tells of its progress, as metrics; the lag is that of the moment of the scrape. */
export const createJoinerMetrics = ({ ranker, metrics, now }: JoinerMetricsOptions): ((told: JoinProgress) => void) => {
  let watermark = -Infinity;
  const grown = createGrowth();
  metrics.beforeScrape(() => {
    if (Number.isFinite(watermark))
      metrics.set('watchnext_join_lag_seconds', { ranker }, Math.max(0, now() - watermark) / 1000);
  });
  return ({ records, counters, watermark: upTo }) => {
    watermark = upTo;
    metrics.count('watchnext_join_records_total', { ranker }, grown('records', records));
    const kinds = {
      impressions: counters.impressions,
      feedback: counters.feedback,
      examples: counters.examples,
      late: counters.lateFeedback,
      duplicate: counters.duplicateFeedback + counters.duplicateImpressions,
      orphaned: counters.orphanedFeedback,
      strange: counters.strangeFeedback,
      far_ahead: counters.farAheadFeedback,
      unreadable: counters.unreadableEvents,
    };
    for (const [kind, sum] of Object.entries(kinds))
      metrics.count('watchnext_join_events_total', { ranker, kind }, grown(kind, sum));
  };
};
