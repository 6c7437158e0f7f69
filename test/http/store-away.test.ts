import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import { createMemoryStore, type FeatureStore } from '../../src/features/index.js';
import { createEntities } from '../../src/ranking/index.js';
import { createMetrics } from '../../src/telemetry/index.js';
import { modelOf, ranking } from '../ranking/shelf.js';
import { startApp, type TestService } from './client.js';

let service: TestService;
const fault = { away: false };
const clock = { time: 0 };
beforeAll(async () => {
  const memory = createMemoryStore();
  const unlessAway = async <T>(work: () => Promise<T>): Promise<T> => {
    if (fault.away) throw new WatchnextError('store_unavailable', 'The store is away.', { retryAfterMs: 1000 });
    return work();
  };
  const store: FeatureStore = {
    read: (keys) => unlessAway(() => memory.read(keys)),
    apply: (writes) => unlessAway(() => memory.apply(writes)),
    close: () => memory.close(),
  };
  const entities = createEntities({ store, metrics: createMetrics(), now: () => clock.time, maxAgeMs: 1000 });
  service = await startApp({ bench: ranking(modelOf(), { entities }) });
});
afterAll(() => service.close());

const idsOnly = { user: { id: 'u' }, context: { device: 'tv' }, candidates: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] };
const rank = async () => (await service.call('POST', '/v1/rank', idsOnly)).json as unknown as Ranked;
interface Ranked {
  readonly degraded?: readonly string[];
  readonly fallback?: unknown;
  readonly items: readonly { readonly id: string; readonly heads?: { readonly watch: number } }[];
}
const watched = ({ items }: Ranked) => Object.fromEntries(items.map(({ id, heads }) => [id, heads?.watch]));

describe('while the store is away', () => {
  test('rankings go on with what was read before, say so, and are whole again when it is back', async () => {
    await service.call('PUT', '/v1/users', { id: 'u', taste: 0.5 });
    await service.call('PUT', '/v1/items', [
      { id: 'a', quality: 1 },
      { id: 'b', quality: 3 },
    ]);
    const before = await rank();
    expect(before.degraded).toBeUndefined();
    fault.away = true;
    clock.time += 60_000;
    const away = await rank();
    expect(away).toMatchObject({ degraded: ['store'] });
    expect(away.fallback).toBeUndefined();
    expect(watched(away)).toEqual(watched(before));
    fault.away = false;
    expect(await rank()).toEqual({ ...before, requestId: expect.any(String) });
  });

  test('items and users are refused with 503 and Retry-After, and nothing of them is half there', async () => {
    fault.away = true;
    const sent = [
      { id: 'a', quality: 9 },
      { id: 'new', quality: 9 },
    ];
    const refused = await service.call('PUT', '/v1/items', sent);
    expect(refused).toMatchObject({ status: 503, json: { error: { code: 'store_unavailable', retriable: true } } });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await service.call('PUT', '/v1/users', { id: 'u', taste: 9 })).status).toBe(503);
    fault.away = false;
    const stored = async () => {
      const { known } = await service.entities.read('item', ['a', 'new']);
      return known.map((each) => each?.fields);
    };
    expect(await stored()).toEqual([{ quality: 1, item_id: 'a' }, undefined]);
    expect((await service.call('PUT', '/v1/items', sent)).status).toBe(200);
    expect(await stored()).toEqual([
      { quality: 9, item_id: 'a' },
      { quality: 9, item_id: 'new' },
    ]);
  });
});
