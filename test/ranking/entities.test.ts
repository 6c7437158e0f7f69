import { describe, expect, test } from '@jest/globals';
import { createMemoryStore, type FeatureStore } from '../../src/features/index.js';
import { createEntities } from '../../src/ranking/index.js';
import { createMetrics } from '../../src/telemetry/index.js';

const setup = (options: { capacity?: number; maxAgeMs?: number } = {}) => {
  const memory = createMemoryStore();
  const fault = { away: false };
  const unlessAway = <T>(work: () => Promise<T>): Promise<T> =>
    fault.away ? Promise.reject(new Error('away')) : work();
  const store: FeatureStore = {
    read: (keys) => unlessAway(() => memory.read(keys)),
    apply: (writes) => unlessAway(() => memory.apply(writes)),
    close: () => memory.close(),
  };
  const metrics = createMetrics();
  const clock = { time: 0 };
  const now = (): number => clock.time;
  const open = () => createEntities({ store, metrics, now, ...options });
  return { entities: open(), another: open(), clock, metrics, fault, memory };
};

describe('entities', () => {
  test('are read as they were put, by kind; 7 and "7" are one', async () => {
    const { entities } = setup();
    await entities.put('item', [{ id: 7, fields: { title: 'Ü', tags: ['a'], length: 3, old: null } }]);
    expect((await entities.read('item', ['7', 'x'])).fields).toEqual([
      { title: 'Ü', tags: ['a'], length: 3, old: null },
      undefined,
    ]);
    expect((await entities.read('user', ['7'])).fields).toEqual([undefined]);
  });

  test('are replaced as a whole by a later put', async () => {
    const { entities } = setup();
    await entities.put('item', [{ id: 'a', fields: { x: 1, y: 2 } }]);
    await entities.put('item', [{ id: 'a', fields: { x: 3 } }]);
    expect((await entities.read('item', ['a'])).fields).toEqual([{ x: 3 }]);
  });

  test('put by another process are seen once what is cached is too old', async () => {
    const { entities, another, clock } = setup({ maxAgeMs: 100 });
    expect((await entities.read('item', ['a'])).fields).toEqual([undefined]);
    await another.put('item', [{ id: 'a', fields: { x: 1 } }]);
    expect((await entities.read('item', ['a'])).fields).toEqual([undefined]);
    clock.time = 101;
    expect((await entities.read('item', ['a'])).fields).toEqual([{ x: 1 }]);
  });

  test('that did not change stay the same object when they are read again, so that what was made of it holds', async () => {
    const { entities, another, clock } = setup({ maxAgeMs: 100 });
    await another.put('item', [{ id: 'a', fields: { x: 1 } }]);
    const first = (await entities.read('item', ['a'])).fields[0];
    clock.time = 101;
    expect((await entities.read('item', ['a'])).fields[0]).toBe(first);
    await another.put('item', [{ id: 'a', fields: { x: 2 } }]);
    clock.time = 202;
    expect((await entities.read('item', ['a'])).fields[0]).toEqual({ x: 2 });
    expect(first).toEqual({ x: 1 });
  });

  test('are read right when there are more than fit the cache', async () => {
    const { entities, metrics } = setup({ capacity: 2 });
    const ids = ['a', 'b', 'c', 'd'];
    await entities.put(
      'item',
      ids.map((id) => ({ id, fields: { id2: id } })),
    );
    expect((await entities.read('item', ids)).fields).toEqual(ids.map((id) => ({ id2: id })));
    expect(await metrics.scrape()).toContain('watchnext_entity_reads_total{kind="item",source="store"} 2');
  });

  test('are answered from memory while the store fails, and what is not there is missing', async () => {
    const { entities, clock, fault, metrics } = setup({ maxAgeMs: 100 });
    await entities.put('item', [
      { id: 'a', fields: { x: 1 } },
      { id: 'b', fields: { x: 2 } },
    ]);
    fault.away = true;
    expect(await entities.read('item', ['a', 'b'])).toEqual({ fields: [{ x: 1 }, { x: 2 }], stale: 0, unread: 0 });
    clock.time = 1e9;
    const found = await entities.read('item', ['b', 'new', 'a']);
    expect(found).toEqual({ fields: [{ x: 2 }, undefined, { x: 1 }], stale: 2, unread: 1 });
    fault.away = false;
    expect(await entities.read('item', ['b', 'new'])).toMatchObject({ stale: 0, unread: 0 });
    const counted = await metrics.scrape();
    for (const [source, times] of Object.entries({ cache: 2, stale: 2, unread: 1, store: 1, absent: 1 }))
      expect(counted).toContain(`watchnext_entity_reads_total{kind="item",source="${source}"} ${times}`);
  });

  test('are as they were before where a put failed, and are read again as soon as that works', async () => {
    const { entities, another, fault } = setup({ maxAgeMs: 1e9 });
    await entities.put('item', [{ id: 'a', fields: { x: 1 } }]);
    await another.put('item', [{ id: 'a', fields: { x: 2 } }]);
    fault.away = true;
    await expect(entities.put('item', [{ id: 'a', fields: { x: 3 } }])).rejects.toThrow('away');
    expect(await entities.read('item', ['a'])).toEqual({ fields: [{ x: 1 }], stale: 1, unread: 0 });
    fault.away = false;
    expect((await entities.read('item', ['a'])).fields).toEqual([{ x: 2 }]);
  });

  test('whose stored value is damaged count as unreadable and cost the others nothing', async () => {
    const { entities, memory, metrics } = setup();
    const damaged = ['{"x":', '7', '[1]', 'null'].map((text, at) => ({
      key: `item/${at}`,
      value: new TextEncoder().encode(text),
    }));
    await memory.apply([...damaged, { key: 'item/fine', value: new TextEncoder().encode('{"x":1}') }]);
    const { fields } = await entities.read('item', ['0', '1', '2', '3', 'fine']);
    expect(fields).toEqual([undefined, undefined, undefined, undefined, { x: 1 }]);
    expect(await metrics.scrape()).toContain('watchnext_entity_reads_total{kind="item",source="unreadable"} 4');
  });
});
