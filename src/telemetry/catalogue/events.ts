import { latencyBuckets, type MetricArea } from './types.js';

/** On the way to the event log. */
export const eventsMetrics = {
  watchnext_event_append_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: {},
    help: 'Time of one append to the event log, until it is durable; under load it holds the events of many requests.',
    act: 'Rising: the disk or the brokers are slow; feedback is answered only then.',
    buckets: latencyBuckets,
  },
  watchnext_events_waiting: {
    kind: 'gauge',
    unit: 'events',
    labels: {},
    help: 'Events that wait for the event log or are being appended.',
    act: 'Growing: appending is slower than traffic; when the queue is full, impressions are dropped and feedback is refused.',
  },
  watchnext_events_dropped_total: {
    kind: 'counter',
    unit: 'events',
    labels: { topic: ['events'], reason: ['log_unavailable', 'log_full', 'features_failed', 'overloaded', 'closing'] },
    help: 'Events that could not be logged: log_unavailable, log_full, features_failed and overloaded (nothing was read to be logged), closing.',
    act: 'Any is training data lost: mend the log, or give the spool more room (--spool-bytes).',
  },
  watchnext_feedback_total: {
    kind: 'counter',
    unit: 'events',
    labels: { outcome: ['accepted', 'duplicate', 'refused', 'failed'] },
    help: 'Feedback events by what became of them: accepted (durable), duplicate, refused, failed (to be sent again).',
    act: 'failed: the log is away, clients send again; refused: a client sends what nobody declared; accepted falling to 0: labels stop.',
  },
  watchnext_spool_records: {
    kind: 'gauge',
    unit: 'events',
    labels: { topic: ['events'] },
    help: 'Events that wait on this machine’s disk because the log is away, or behind: it takes less than comes.',
    act: 'Above 0: Kafka is away or too slow. Nothing is lost yet.',
  },
  watchnext_spool_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: { topic: ['events'] },
    help: 'Size of the events that wait on this machine’s disk.',
    act: 'Nearing --spool-bytes: then feedback is refused and impressions are dropped.',
  },
  watchnext_spool_oldest_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { topic: ['events'] },
    help: 'How long the oldest of the waiting events has been waiting; 0 if none waits.',
    act: 'Nearing the wait of the labels in ranker.yaml: feedback will be late for what it belongs to.',
  },
  watchnext_spool_forwarded_total: {
    kind: 'counter',
    unit: 'events',
    labels: { topic: ['events'] },
    help: 'Events that waited and were forwarded when the log took them.',
    act: 'Rising after an outage or a burst: as it should be. Rising all day: Kafka is too slow for what comes.',
  },
} as const satisfies MetricArea;
