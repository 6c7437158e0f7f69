import type { MetricArea } from './types.js';

/** The process itself; the service and the learner both have these. */
export const processMetrics = {
  watchnext_event_loop_delay_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { quantile: ['0.5', '0.99', '1'] },
    help: 'Delay of the event loop since the last scrape: 0.5, 0.99 and 1 (the longest).',
    act: '0.99 above 0.05: this process is saturated; add replicas, or send fewer fields per candidate.',
  },
  watchnext_memory_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: { area: ['resident', 'heap', 'external'] },
    help: 'Memory of the process: resident, heap (used), external (buffers outside the heap).',
    act: 'Rising over hours at even load is a leak; after a swap it may rise by one version and falls when the old one is let go.',
  },
} as const satisfies MetricArea;
