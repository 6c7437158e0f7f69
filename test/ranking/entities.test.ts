import { describe, expect, test } from '@jest/globals';
import { createMemoryStore } from '../../src/features/index.js';
import { createEntities } from '../../src/ranking/index.js';
import { createMetrics } from '../../src/telemetry/index.js';

const setup = (options: { capacity?: number; maxAgeMs?: number } = {}) => {
  const store = createMemoryStore();
  const metrics = createMetrics();
  const clock = { time: 0 };
  const now = (): number => clock.time;
  const open = () => createEntities({ store, metrics, now, ...options });
  return { entities: open(), another: open(), clock, metrics };
};

describe('entities', () => {
  test('are read as they were put, by kind; 7 and "7" are one', async () => {
    const { entities } = setup();
    await entities.put('item', [{ id: 7, fields: { title: 'Ü', tags: ['a'], length: 3, old: null } }]);
    expect(await entities.read('item', ['7', 'x'])).toEqual([
      { title: 'Ü', tags: ['a'], length: 3, old: null },
      undefined,
    ]);
    expect(await entities.read('user', ['7'])).toEqual([undefined]);
  });

  test('are replaced as a whole by a later put', async () => {
    const { entities } = setup();
    await entities.put('item', [{ id: 'a', fields: { x: 1, y: 2 } }]);
    await entities.put('item', [{ id: 'a', fields: { x: 3 } }]);
    expect(await entities.read('item', ['a'])).toEqual([{ x: 3 }]);
  });

  test('put by another process are seen once what is cached is too old', async () => {
    const { entities, another, clock } = setup({ maxAgeMs: 100 });
    expect(await entities.read('item', ['a'])).toEqual([undefined]);
    await another.put('item', [{ id: 'a', fields: { x: 1 } }]);
    expect(await entities.read('item', ['a'])).toEqual([undefined]);
    clock.time = 101;
    expect(await entities.read('item', ['a'])).toEqual([{ x: 1 }]);
  });

  test('are read right when there are more than fit the cache', async () => {
    const { entities, metrics } = setup({ capacity: 2 });
    const ids = ['a', 'b', 'c', 'd'];
    await entities.put(
      'item',
      ids.map((id) => ({ id, fields: { id2: id } })),
    );
    expect(await entities.read('item', ids)).toEqual(ids.map((id) => ({ id2: id })));
    expect(await metrics.scrape()).toContain('watchnext_entity_reads_total{kind="item",source="store"} 2');
  });
});
