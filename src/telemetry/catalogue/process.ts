import type { MetricArea } from './types.js';

/** The process itself. */
export const processMetrics = {
  watchnext_build_info: {
    kind: 'gauge',
    unit: '1',
    labels: { version: 'of this software', node: 'version of Node.js' },
    help: '1 for the software that runs.',
    act: 'For joining others by version, and to see how far a rollout is.',
  },
  watchnext_uptime_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: {},
    help: 'Since the process started.',
    act: 'Falling again and again: it is restarted; look at its last log lines and at its memory limit.',
  },
  watchnext_cpu_seconds_total: {
    kind: 'counter',
    unit: 'seconds',
    labels: { mode: ['user', 'system'] },
    help: 'CPU time of the process with all its threads.',
    act: 'At the limit of the container or near the number of cores: it is saturated. system high: memory pressure or many small writes.',
  },
  watchnext_event_loop_delay_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { quantile: ['0.5', '0.99', '1'] },
    help: 'Delay of the event loop since the last scrape: 0.5, 0.99 and 1 (the longest).',
    act: '0.99 above 0.05: this process is saturated; add replicas, or send fewer fields per candidate.',
  },
  watchnext_event_loop_utilisation_ratio: {
    kind: 'gauge',
    unit: 'share',
    labels: {},
    help: 'Share of the time since the last scrape in which the event loop of the main thread worked.',
    act: 'Above 0.8 for long: parsing and serialising take one core; more replicas help, more workers do not.',
  },
  watchnext_worker_utilisation_ratio: {
    kind: 'gauge',
    unit: 'share',
    labels: { of: ['mean', 'max'] },
    help: 'Share of the time since the last scrape in which the scoring threads worked: their mean and the busiest.',
    act: 'mean above 0.8 for long: add --workers while there are cores, else replicas. max far above mean: one thread has all the work.',
  },
  watchnext_gc_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: { kind: ['minor', 'major'] },
    help: 'Pauses of the main thread by garbage collection.',
    act: 'major often above 0.05: the heap is near its limit; give the process more memory (--max-old-space-size) or fewer features.',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.2],
  },
  watchnext_memory_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: { area: ['resident', 'private', 'heap', 'external'] },
    help: 'Memory of the process: resident, private (resident without pages of files, which the system takes back when it needs them: the event log and the store are such; where it does not tell, resident), heap (used), external (buffers outside the heap).',
    act: '`private` rising over hours at even load is a leak; after a swap it may rise by one version and falls when the old one is let go.',
  },
  watchnext_open_files: {
    kind: 'gauge',
    unit: 'file descriptors',
    labels: {},
    help: 'Open files and connections of the process, where /proc tells (Linux).',
    act: 'Rising without end: connections are not closed, look at the clients; near `ulimit -n` new ones are refused.',
  },
} as const satisfies MetricArea;
