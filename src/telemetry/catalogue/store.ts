import type { MetricArea } from './types.js';

/** Fields of items and users that were put before. */
export const storeMetrics = {
  watchnext_entity_reads_total: {
    kind: 'counter',
    unit: 'entities',
    labels: { kind: ['item', 'user'], source: ['cache', 'store', 'absent'] },
    help: 'Items and users looked up, by where they were found: cache, store or absent.',
    act: 'absent rising for items: the catalogue is not being put (PUT /v1/items); cache falling: more distinct items are asked for than it holds.',
  },
} as const satisfies MetricArea;
