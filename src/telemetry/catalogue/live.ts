import type { MetricArea } from './types.js';

/** How current the service is: what it has learned and what it knows of the log. */
export const liveMetrics = {
  watchnext_freshness_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: { ranker: 'its name' },
    help: 'From the event time of feedback to the first scores of a model that learned from it; a sample of the feedback.',
    act: 'Rising: the learner lags (watchnext_learner_lag_seconds), its gate refuses, or deltas are refused here.',
    buckets: [0.5, 1, 2, 5, 10, 30, 120, 300],
  },
  watchnext_state_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { ranker: 'its name' },
    help: 'How long ago feature state last knew everything in the event log.',
    act: 'Rising: the log cannot be read (see the log lines) or this process has no time for it; histories and rates grow old meanwhile.',
  },
  watchnext_state_events_total: {
    kind: 'counter',
    unit: 'events',
    labels: { ranker: 'its name', kind: ['impression', 'feedback', 'item', 'user', 'unreadable'] },
    help: 'Events of the log that feature state has followed, by kind; unreadable ones were passed over.',
    act: 'unreadable rising: something else writes the topic, or another version of this software does.',
  },
} as const satisfies MetricArea;
