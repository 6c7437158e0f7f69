import { sealedVersion } from '../../src/artifact/index.js';
import type { DeadLetter } from '../../src/events/index.js';
import type { Metrics } from '../../src/telemetry/index.js';
import type { LearnerNews, LearnerStatus, RunLearnerOptions } from '../../training/stream/index.js';
import { createGrowth } from '../growth.js';

/** What a learner tells, as metrics: hand each on to it. */
export interface LearnerMetrics extends Required<Pick<RunLearnerOptions, 'onNews' | 'onStatus' | 'onWatermark'>> {
  /** The same, counted. */
  readonly counting: (keep: (letter: DeadLetter) => Promise<void>) => (letter: DeadLetter) => Promise<void>;
}

export interface LearnerMetricsOptions {
  readonly ranker: string;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What the learner goes by; the wall clock if left out. */
  readonly clock?: RunLearnerOptions['clock'];
}

/** Lag (by event time: as it was last told) and age are those of the moment of the scrape, all else is as it was last told. */
export const createLearnerMetrics = ({
  ranker,
  metrics,
  now,
  clock = 'wall',
}: LearnerMetricsOptions): LearnerMetrics => {
  let watermark = -Infinity;
  let savedAt = now();
  let version: string | undefined;
  const grown = createGrowth();
  const measured = createMeasured(ranker, metrics);
  const setLag = (lagMs: number): void =>
    metrics.set('watchnext_learner_lag_seconds', { ranker }, Math.max(0, lagMs) / 1000);
  metrics.beforeScrape(() => {
    if (clock === 'wall' && Number.isFinite(watermark)) setLag(now() - watermark);
    metrics.set('watchnext_learner_checkpoint_age_seconds', { ranker }, (now() - savedAt) / 1000);
  });

  const serve = (published: string): void => {
    const sealed = sealedVersion(published);
    if (version !== undefined) metrics.remove('watchnext_learner_version_info', { ranker, version });
    metrics.set('watchnext_learner_version_info', { ranker, version: sealed }, 1);
    version = sealed;
  };

  const onNews = (news: LearnerNews): void => {
    if ('what' in news) {
      const { what, kind: outcome } = news;
      metrics.count('watchnext_learner_publications_total', { ranker, what, outcome });
      if (news.kind === 'published') serve(news.version);
      return;
    }
    if (news.kind === 'started') serve(news.version);
    else if (news.kind === 'retreat') metrics.count('watchnext_learner_retreats_total', { ranker });
    else if (news.kind === 'warning') metrics.count('watchnext_learner_warnings_total', { ranker });
    else {
      savedAt = now();
      const { seconds, pauseMs } = news;
      metrics.set('watchnext_learner_checkpoint_seconds', { ranker, part: 'all' }, seconds);
      metrics.set('watchnext_learner_checkpoint_seconds', { ranker, part: 'pause' }, pauseMs / 1000);
    }
  };

  const onStatus = ({ events, counts, losses, measures, served, lagMs }: LearnerStatus): void => {
    if (clock === 'stream' && lagMs !== undefined) setLag(lagMs);
    metrics.count('watchnext_learner_events_total', { ranker }, grown('events', events));
    metrics.count('watchnext_learner_rows_total', { ranker }, grown('rows', counts.rows));
    metrics.count('watchnext_learner_not_finite_total', { ranker }, grown('notFinite', counts.notFinite));
    const passed = {
      older: counts.older,
      foreign: counts.foreign,
      other_definition: counts.otherDefinition,
      other_arms: counts.otherArms,
      unreadable: counts.unreadable,
    };
    for (const [reason, requests] of Object.entries(passed))
      metrics.count('watchnext_learner_passed_over_total', { ranker, reason }, grown(reason, requests));
    for (const [head, loss] of Object.entries(losses)) metrics.set('watchnext_learner_loss', { ranker, head }, loss);
    measured({ learner: measures, ...served });
  };

  return {
    onNews,
    onStatus,
    onWatermark: (time) => void (watermark = time),
    counting: (keep) => async (letter) => {
      await keep(letter);
      metrics.count('watchnext_learner_dead_letters_total', { ranker });
    },
  };
};

const headGauges = {
  watchnext_head_rows: 'rows',
  watchnext_head_auc: 'auc',
  watchnext_head_calibration_ratio: 'calibration',
  watchnext_head_normalised_entropy: 'normalisedEntropy',
} as const;

/** By version and head; what cannot be measured, and versions whose rows are gone, have no series. */
const createMeasured = (ranker: string, metrics: Metrics) => {
  let told: (() => void)[] = [];
  return (byVersion: Readonly<Record<string, LearnerStatus['measures']>>): void => {
    for (const forget of told) forget();
    told = [];
    for (const [version, heads] of Object.entries(byVersion)) {
      for (const [head, measure] of Object.entries(heads)) {
        const labels = { ranker, head, version };
        for (const name of Object.keys(headGauges) as (keyof typeof headGauges)[]) {
          const value = measure[headGauges[name]];
          if (!Number.isFinite(value) || measure.rows === 0) continue;
          metrics.set(name, labels, value);
          told.push(() => metrics.remove(name, labels));
        }
      }
    }
  };
};
