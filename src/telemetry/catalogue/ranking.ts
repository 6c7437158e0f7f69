import { stageBuckets, type MetricArea } from './types.js';

/** From candidates to an order. */
export const rankingMetrics = {
  watchnext_rank_stage_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: { stage: ['merge', 'features', 'score', 'encode', 'run', 'combine'] },
    help: 'Time of one ranking by stage: merge (request and store), features, score (of it encode and run), combine.',
    act: 'merge: the store is slow; score without run: requests queue, add workers or replicas; run: a larger model, more candidates or a busy CPU.',
    buckets: stageBuckets,
  },
  watchnext_rank_candidates: {
    kind: 'histogram',
    unit: 'candidates',
    labels: {},
    help: 'Candidates per ranking.',
    act: 'Cost grows with it: when it jumps, retrieval in front of the service changed.',
    buckets: [25, 50, 100, 200, 400, 1000, 5000],
  },
  watchnext_rankings_total: {
    kind: 'counter',
    unit: 'rankings',
    labels: { ranker: 'its name' },
    help: 'Rankings answered, fallbacks included.',
    act: 'Falling to nothing: clients went elsewhere or cannot reach the service.',
  },
  watchnext_fallbacks_total: {
    kind: 'counter',
    unit: 'rankings',
    labels: { ranker: 'its name', reason: ['features_failed', 'scoring_failed', 'deadline_passed', 'overloaded'] },
    help: 'Rankings answered in the fallback order because they could not be scored.',
    act: 'Any is worth a look: deadline_passed and overloaded are of load (watchnext_sheds_total); the error log has the others with their requestId.',
  },
  watchnext_unscored_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: { ranker: 'its name' },
    help: 'Candidates without finite head values or score: answered last and marked.',
    act: 'Rising: the model computes NaN for some input; roll back to the version before.',
  },
  watchnext_feature_problems_total: {
    kind: 'counter',
    unit: 'values',
    labels: { ranker: 'its name', feature: 'its name', problem: ['missing', 'unknown', 'out_of_range'] },
    help: 'Feature values that were missing, unknown or out of range and took their declared default.',
    act: 'A jump: a client stopped sending a field, or sends it in another unit; watchnext_feature_drift compares with training.',
  },
  watchnext_explored_rankings_total: {
    kind: 'counter',
    unit: 'rankings',
    labels: { ranker: 'its name', drawn: ['greedy', 'noise', 'swap'] },
    help: 'Rankings whose order could be varied, by what was drawn: greedy (by score), noise or swap.',
    act: 'The shares are those of the exploration in ranker.yaml or of an arm; if not, look at what is running.',
  },
} as const satisfies MetricArea;
