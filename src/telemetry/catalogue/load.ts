import { stageBuckets, type MetricArea } from './types.js';

/** Rankings that wait for a scoring thread, and those that are not scored because of load. */
export const loadMetrics = {
  watchnext_queue_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: {},
    help: 'How long a ranking with its features read waited for a scoring thread.',
    act: 'Rising: the scoring threads are saturated; add workers where cores are free, else replicas.',
    buckets: stageBuckets,
  },
  watchnext_queue_rows: {
    kind: 'gauge',
    unit: 'rows',
    labels: {},
    help: 'Candidates that wait for a scoring thread.',
    act: 'As watchnext_queue_seconds.',
  },
  watchnext_predicted_wait_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: {},
    help: 'How long a ranking that came now would wait for its turn: what was taken and is not answered, at the pace of the last rankings. Rankings are refused where it stays beyond the setting queueMs and what a few rankings take.',
    act: 'Near that for long: the service is saturated. A measure to scale out by.',
  },
  watchnext_batch_rows: {
    kind: 'histogram',
    unit: 'rows',
    labels: {},
    help: 'Candidates per run of the graph.',
    act: 'Time per candidate is flat from about 100; far below under load: raise batchRows.',
    buckets: [10, 25, 50, 100, 200, 400, 800, 1600, 5000],
  },
  watchnext_batch_requests: {
    kind: 'histogram',
    unit: 'requests',
    labels: {},
    help: 'Rankings that shared one run of the graph.',
    act: '1 where nothing waits or rankings are as large as batchRows; more where small ones were joined.',
    buckets: [1, 2, 4, 8, 16, 32, 64],
  },
  watchnext_sheds_total: {
    kind: 'counter',
    unit: 'rankings',
    labels: { reason: ['overloaded', 'deadline', 'cancelled'] },
    help: 'Rankings that were not scored because of load: overloaded (the wait would have been too long: refused, or answered in the fallback order, as the setting overload says), deadline (scores would have come after it: fallback order), cancelled (the client hung up: nothing more was done).',
    act: 'overloaded: add workers or replicas; deadline: as before, or clients ask for answers faster than the model runs; cancelled: clients give up before the answer, compare their time limit with the latency.',
  },
  watchnext_scorer_deaths_total: {
    kind: 'counter',
    unit: 'threads',
    labels: {},
    help: 'Scoring threads that ended without being told to; each is replaced, and what it was scoring is tried once more.',
    act: 'Any is worth a look: the error log has the reason. Again and again: out of memory, or a version that crashes the runtime; roll it back.',
  },
} as const satisfies MetricArea;
