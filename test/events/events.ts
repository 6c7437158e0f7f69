import type { Exposure, Feedback, Impression } from '../../src/events/index.js';
import type { Column } from '../../src/features/index.js';

/** A small impression of `items` items; every part of it can be replaced. */
export const impression = (
  over: Partial<Omit<Impression, 'items'>> & { items?: readonly (string | number)[] } = {},
): Impression => {
  const { items: ids = ['v1', 7], ...rest } = over;
  const tasks = rest.tasks ?? ['click', 'watch'];
  return {
    kind: 'impression',
    time: Date.UTC(2026, 4, 1),
    requestId: 'request-1',
    userId: 'user-1',
    ranker: 'demo',
    version: '20260430T235959Z-ab12cd+17',
    fingerprint: '0123456789abcdef',
    arms: { layout: 'wide' },
    weights: { click: 1, watch: 0.6 },
    tasks,
    candidates: 200,
    items: ids.map((id, i) => ({ id, position: i + 1, row: 3 * i, score: 0.5 - i / 10, propensity: 1 })),
    heads: Float32Array.from({ length: ids.length * tasks.length }, (_, i) => i / 8),
    fields: {
      user: { user_id: 'user-1', age: 31 },
      context: { device: 'tv' },
      candidates: ids.map((id) => ({ item_id: id, tags: ['a', 2] })),
    },
    features: {
      requests: 1,
      rows: ids.length,
      requestOf: new Int32Array(ids.length),
      columns: new Map<string, Column>([
        ['age', { side: 'request', type: 'numbers', width: 1, values: Float32Array.of(31) }],
        [
          'tags',
          {
            side: 'candidate',
            type: 'keys',
            offsets: Int32Array.from({ length: ids.length + 1 }, (_, i) => i),
            keys: Uint32Array.from({ length: 2 * ids.length }, (_, i) => i),
          },
        ],
      ]),
    },
    ...rest,
  };
};

export const feedback = (over: Partial<Feedback> = {}): Feedback => ({
  kind: 'feedback',
  time: Date.UTC(2026, 4, 1, 0, 0, 5),
  eventId: 'event-1',
  requestId: 'request-1',
  userId: 'user-1',
  itemId: 'v1',
  what: 'watch',
  value: 12.5,
  ...over,
});

/** An impression whose order was varied: a swap that was made, of two candidates shown and two that were not. */
export const varied = (): Impression => ({
  ...impression({ candidates: 4 }),
  exploration: { share: 0.1, temperature: 0.5, swaps: 0.2, drawn: 'swap', swap: { position: 2, swapped: true } },
  unshown: {
    ids: ['v9', 12],
    rows: Int32Array.of(1, 2),
    heads: Float32Array.of(0.25, 3, 0.125, 40),
  },
  form: 'sum',
});

export const exposure = (over: Partial<Exposure> = {}): Exposure => ({
  kind: 'exposure',
  time: Date.UTC(2026, 4, 1, 0, 0, 1),
  userId: 'user-1',
  experiment: 'layout',
  arm: 'wide',
  phase: '2',
  ...over,
});
