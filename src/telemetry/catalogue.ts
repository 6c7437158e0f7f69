/**
 * Every metric of the service: name, kind, labels and what it says. docs/metrics.md lists the same; a test keeps them
 * alike. Labels take few values (routes, stages, rankers, features; never users, items or request ids), because a scrape
 * builds its text on the event loop: 500 histogram series cost 11 ms.
 */
interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
}

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const stageBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];
const freshnessBuckets = [0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300];
const candidateBuckets = [10, 25, 50, 100, 200, 400, 800, 1600, 5000];

export const metricCatalogue = {
  watchnext_http_requests_total: {
    kind: 'counter',
    labels: ['route', 'status'],
    help: 'Answered requests by route and HTTP status.',
  },
  watchnext_http_request_seconds: {
    kind: 'histogram',
    labels: ['route'],
    help: 'Time from the request’s headers to the end of its answer.',
    buckets: latencyBuckets,
  },
  watchnext_rank_stage_seconds: {
    kind: 'histogram',
    labels: ['stage'],
    help: 'Time of one ranking by stage: merge (request and store), features, score (of it encode and run), combine.',
    buckets: stageBuckets,
  },
  watchnext_rank_candidates: {
    kind: 'histogram',
    labels: [],
    help: 'Candidates per ranking.',
    buckets: candidateBuckets,
  },
  watchnext_rankings_total: { kind: 'counter', labels: ['ranker'], help: 'Rankings answered, fallbacks included.' },
  watchnext_fallbacks_total: {
    kind: 'counter',
    labels: ['ranker', 'reason'],
    help: 'Rankings answered in the fallback order because they could not be scored.',
  },
  watchnext_unscored_rows_total: {
    kind: 'counter',
    labels: ['ranker'],
    help: 'Candidates without finite head values or score: answered last and marked.',
  },
  watchnext_feature_problems_total: {
    kind: 'counter',
    labels: ['ranker', 'feature', 'problem'],
    help: 'Feature values that were missing, unknown or out of range and took their declared default.',
  },
  watchnext_entity_reads_total: {
    kind: 'counter',
    labels: ['kind', 'source'],
    help: 'Items and users looked up, by where they were found: cache, store or absent.',
  },
  watchnext_event_append_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'Time of one append to the event log, until it is durable; under load it holds the events of many requests.',
    buckets: latencyBuckets,
  },
  watchnext_events_waiting: {
    kind: 'gauge',
    labels: [],
    help: 'Events that wait for the event log or are being appended.',
  },
  watchnext_events_dropped_total: {
    kind: 'counter',
    labels: ['topic', 'reason'],
    help: 'Events that could not be logged: log_unavailable, log_full, features_failed (nothing was read to be logged), closing.',
  },
  watchnext_feedback_total: {
    kind: 'counter',
    labels: ['outcome'],
    help: 'Feedback events by what became of them: accepted (durable), duplicate, refused, failed (to be sent again).',
  },
  watchnext_scorer_device: {
    kind: 'gauge',
    labels: ['device'],
    help: '1 for the device that models run on: cpu or cuda.',
  },
  watchnext_scorer_in_flight: {
    kind: 'gauge',
    labels: [],
    help: 'Batches handed to the workers and not yet answered.',
  },
  watchnext_active_version_info: {
    kind: 'gauge',
    labels: ['ranker', 'version'],
    help: '1 for the version that serves each ranker.',
  },
  watchnext_learned_rows: {
    kind: 'gauge',
    labels: ['ranker', 'arm'],
    help: 'Rows that the serving version had learned from the stream when it was sealed, by experiment/arm of their requests.',
  },
  watchnext_swaps_total: {
    kind: 'counter',
    labels: ['ranker', 'outcome'],
    help: 'Changes of the serving version: swapped, or refused because verification failed.',
  },
  watchnext_deltas_total: {
    kind: 'counter',
    labels: ['ranker', 'outcome'],
    help: 'Changes by deltas of the serving version: applied (all that waited), refused, withdrawn.',
  },
  watchnext_delta_sequence: {
    kind: 'gauge',
    labels: ['ranker'],
    help: 'How many deltas the serving version has, 0 as it was sealed.',
  },
  watchnext_freshness_seconds: {
    kind: 'histogram',
    labels: ['ranker'],
    help: 'From the event time of feedback to the first scores of a model that learned from it; a sample of the feedback.',
    buckets: freshnessBuckets,
  },
  watchnext_state_lag_seconds: {
    kind: 'gauge',
    labels: ['ranker'],
    help: 'How long ago feature state last knew everything in the event log.',
  },
  watchnext_state_events_total: {
    kind: 'counter',
    labels: ['ranker', 'kind'],
    help: 'Events of the log that feature state has followed, by kind; unreadable ones were passed over.',
  },
  watchnext_experiments_running: {
    kind: 'gauge',
    labels: [],
    help: 'Experiments that users can fall into now.',
  },
  watchnext_experiments_stale: {
    kind: 'gauge',
    labels: [],
    help: '1 while the newest experiments cannot be read or were refused, so that earlier ones apply (or none).',
  },
  watchnext_experiments_loads_total: {
    kind: 'counter',
    labels: ['outcome'],
    help: 'Experiments that were applied, refused, or unavailable (file gone, host away).',
  },
  watchnext_experiments_unassigned_total: {
    kind: 'counter',
    labels: ['reason'],
    help: 'Requests that no experiment could take: no_user, weights (its own), user_unreadable, arm_unavailable, or failed.',
  },
  watchnext_arm_rankings_total: {
    kind: 'counter',
    labels: ['experiment', 'arm'],
    help: 'Rankings answered under each arm, fallbacks and previews included.',
  },
  watchnext_exposures_total: {
    kind: 'counter',
    labels: ['experiment'],
    help: 'Users who were first ranked under an arm, as far as this service knows.',
  },
  watchnext_explored_rankings_total: {
    kind: 'counter',
    labels: ['ranker', 'drawn'],
    help: 'Rankings whose order could be varied, by what was drawn: greedy (by score), noise or swap.',
  },
  watchnext_pinned_versions: {
    kind: 'gauge',
    labels: ['ranker', 'state'],
    help: 'Versions that arms name, beside the active one: those that serve and those that were refused.',
  },
  watchnext_ready: {
    kind: 'gauge',
    labels: [],
    help: '1 while the service takes traffic, 0 before and while draining.',
  },
  watchnext_spool_records: {
    kind: 'gauge',
    labels: ['topic'],
    help: 'Events that wait on this machine’s disk because the log is away.',
  },
  watchnext_spool_bytes: {
    kind: 'gauge',
    labels: ['topic'],
    help: 'Size of the events that wait on this machine’s disk.',
  },
  watchnext_spool_oldest_seconds: {
    kind: 'gauge',
    labels: ['topic'],
    help: 'How long the oldest of the waiting events has been waiting; 0 if none waits.',
  },
  watchnext_spool_forwarded_total: {
    kind: 'counter',
    labels: ['topic'],
    help: 'Events that waited and were forwarded when the log was back.',
  },
  watchnext_event_loop_delay_seconds: {
    kind: 'gauge',
    labels: ['quantile'],
    help: 'Delay of the event loop since the last scrape: 0.5, 0.99 and 1 (the longest).',
  },
  watchnext_memory_bytes: {
    kind: 'gauge',
    labels: ['area'],
    help: 'Memory of the process: resident, heap (used), external (buffers outside the heap).',
  },
} as const satisfies Record<string, MetricSpec>;

type Catalogue = typeof metricCatalogue;
export type MetricName = keyof Catalogue;
export type MetricKind = MetricSpec['kind'];
export type MetricOf<K extends MetricKind> = {
  [N in MetricName]: Catalogue[N]['kind'] extends K ? N : never;
}[MetricName];
export type LabelsOf<N extends MetricName> = Readonly<Record<Catalogue[N]['labels'][number], string>>;
export const metricSpec = (name: MetricName): MetricSpec => metricCatalogue[name];
