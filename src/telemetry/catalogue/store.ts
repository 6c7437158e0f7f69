import type { MetricArea } from './types.js';

/** Fields of items and users that were put before. */
export const storeMetrics = {
  watchnext_entity_reads_total: {
    kind: 'counter',
    unit: 'entities',
    labels: { kind: ['item', 'user'], source: ['cache', 'store', 'absent', 'stale', 'unread', 'unreadable'] },
    help: 'Items and users looked up, by where they were found: cache, store or absent; while the store fails, stale (memory had an old copy) or unread (nothing had); unreadable is a stored value that is damaged.',
    act: 'absent rising for items: the catalogue is not being put (PUT /v1/items); cache falling: more distinct items are asked for than it holds (--store-cache-entries); stale or unread: as watchnext_store_available; unreadable: something else writes the store, put those again.',
  },
  watchnext_store_available: {
    kind: 'gauge',
    unit: '0 or 1',
    labels: {},
    help: '1 while the store of item and user fields answers in time, 0 while it is taken to be away: then it is asked in the background only, and rankings use what memory holds.',
    act: '0: see that Redis runs and this machine reaches it; rankings say degraded, writes of items and users are refused with 503. It recovers by itself.',
  },
  watchnext_store_requests_total: {
    kind: 'counter',
    unit: 'requests',
    labels: { outcome: ['answered', 'timeout', 'failed', 'skipped'] },
    help: 'Reads and writes of a store on another machine: answered, timeout (not in time), failed, or skipped at once because the store is taken to be away.',
    act: 'timeout without skipped: Redis is slow now and then (SLOWLOG, persistence, the network), or --redis-timeout-ms is too short for the way there; failed: the error log has the reason.',
  },
} as const satisfies MetricArea;
