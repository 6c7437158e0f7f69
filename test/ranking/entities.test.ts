import { describe, expect, test } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext, runInThisContext } from 'node:vm';
import { createMemoryStore, type FeatureStore } from '../../src/features/index.js';
import { createEntities, type Found } from '../../src/ranking/index.js';
import { createMetrics } from '../../src/telemetry/index.js';

/** An item's fields have its id; it is left out here where it says nothing. */
const fieldsOf = ({ known }: Found) => known.map((each) => each?.fields);

setFlagsFromString('--allow-natives-syntax');
const haveSameClass = runInThisContext('(a, b) => %HaveSameMap(a, b)') as (a: unknown, b: unknown) => boolean;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes that are held beside the heap. */
const held = (): number => {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
};
const isDictionary = runInThisContext('(a) => !%HasFastProperties(a)') as (a: unknown) => boolean;

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
    expect(fieldsOf(await entities.read('item', ['7', 'x']))).toEqual([
      { title: 'Ü', tags: ['a'], length: 3, old: null, item_id: '7' },
      undefined,
    ]);
    expect(fieldsOf(await entities.read('user', ['7']))).toEqual([undefined]);
  });

  test('are replaced as a whole by a later put', async () => {
    const { entities } = setup();
    await entities.put('item', [{ id: 'a', fields: { x: 1, y: 2 } }]);
    await entities.put('item', [{ id: 'a', fields: { x: 3 } }]);
    expect(fieldsOf(await entities.read('item', ['a']))).toEqual([{ x: 3, item_id: 'a' }]);
  });

  test('put by another process are seen once what is cached is too old', async () => {
    const { entities, another, clock } = setup({ maxAgeMs: 100 });
    expect(fieldsOf(await entities.read('item', ['a']))).toEqual([undefined]);
    await another.put('item', [{ id: 'a', fields: { x: 1 } }]);
    expect(fieldsOf(await entities.read('item', ['a']))).toEqual([undefined]);
    clock.time = 101;
    expect(fieldsOf(await entities.read('item', ['a']))).toEqual([{ x: 1, item_id: 'a' }]);
  });

  test('keep their own bytes, not the reply of the store in which they came', async () => {
    const { another, memory, metrics } = setup();
    const ids = Array.from({ length: 60 }, (_, i) => `i${i}`);
    await another.put(
      'item',
      ids.map((id) => ({ id, fields: { x: 1 } })),
    );
    const reply = 2 ** 20;
    const inReplies: FeatureStore = {
      ...memory,
      read: async (keys) =>
        (await memory.read(keys)).map((value) => {
          if (value === undefined) return undefined;
          const whole = new Uint8Array(reply);
          whole.set(value, 100);
          return whole.subarray(100, 100 + value.length);
        }),
    };
    const entities = createEntities({ store: inReplies, metrics, now: () => 0 });
    const before = held();
    for (const id of ids) expect(fieldsOf(await entities.read('item', [id]))).toEqual([{ x: 1, item_id: id }]);
    expect(held() - before).toBeLessThan((ids.length * reply) / 10);
    expect(fieldsOf(await entities.read('item', ['i7']))).toEqual([{ x: 1, item_id: 'i7' }]);
  });

  test('that did not change stay the same object when they are read again, so that what was made of it holds', async () => {
    const { entities, another, clock } = setup({ maxAgeMs: 100 });
    await another.put('item', [{ id: 'a', fields: { x: 1 } }]);
    const [first] = (await entities.read('item', ['a'])).known;
    clock.time = 101;
    expect((await entities.read('item', ['a'])).known[0]).toBe(first);
    await another.put('item', [{ id: 'a', fields: { x: 2 } }]);
    clock.time = 202;
    expect(fieldsOf(await entities.read('item', ['a']))).toEqual([{ x: 2, item_id: 'a' }]);
    expect(first?.fields).toEqual({ x: 1, item_id: 'a' });
  });

  test('with fields of the same names share one hidden class, put or read: one for each would be most of the heap', async () => {
    const { entities, another } = setup();
    const ids = Array.from({ length: 50 }, (_, id) => `item${id}`);
    // More than V8 adds to an object by key before it makes a dictionary of it.
    const fieldsOfItem = (at: number) =>
      Object.fromEntries(Array.from({ length: 30 }, (_, field) => [`f${field}`, field % 3 === 0 ? at / 3 : `t${at}`]));
    await entities.put(
      'item',
      ids.map((id, at) => ({ id, fields: fieldsOfItem(at) })),
    );
    for (const each of [entities, another]) {
      const [first, ...others] = fieldsOf(await each.read('item', ids)).slice(10);
      expect(isDictionary(first)).toBe(false);
      for (const other of others) expect(haveSameClass(first, other)).toBe(true);
    }
  });

  test('are read right when there are more than fit the cache', async () => {
    const { entities, metrics } = setup({ capacity: 2 });
    const ids = ['a', 'b', 'c', 'd'];
    await entities.put(
      'item',
      ids.map((id) => ({ id, fields: { id2: id } })),
    );
    expect(fieldsOf(await entities.read('item', ids))).toEqual(ids.map((id) => ({ id2: id, item_id: id })));
    expect(await metrics.scrape()).toContain('watchnext_entity_reads_total{kind="item",source="store"} 2');
  });

  test('are answered from memory while the store fails, and what is not there is missing', async () => {
    const { entities, clock, fault, metrics } = setup({ maxAgeMs: 100 });
    await entities.put('item', [
      { id: 'a', fields: { x: 1 } },
      { id: 'b', fields: { x: 2 } },
    ]);
    fault.away = true;
    const [a, b] = [
      { x: 1, item_id: 'a' },
      { x: 2, item_id: 'b' },
    ];
    const cached = await entities.read('item', ['a', 'b']);
    expect({ ...cached, known: fieldsOf(cached) }).toEqual({ known: [a, b], stale: 0, unread: 0 });
    clock.time = 1e9;
    const old = await entities.read('item', ['b', 'new', 'a']);
    expect({ ...old, known: fieldsOf(old) }).toEqual({ known: [b, undefined, a], stale: 2, unread: 1 });
    fault.away = false;
    expect(await entities.read('item', ['b', 'new'])).toMatchObject({ stale: 0, unread: 0 });
    const counted = await metrics.scrape();
    for (const [source, times] of Object.entries({ cache: 2, stale: 2, unread: 1, store: 1, absent: 1 }))
      expect(counted).toContain(`watchnext_entity_reads_total{kind="item",source="${source}"} ${times}`);
  });

  test('have the id as it was asked for, also from memory: 7 and "7" are one item, but not one field', async () => {
    const { entities, clock, fault } = setup({ maxAgeMs: 100 });
    await entities.put('item', [{ id: 7, fields: { x: 1 } }]);
    fault.away = true;
    clock.time = 1e9;
    expect(fieldsOf(await entities.read('item', ['7', 7]))).toEqual([
      { x: 1, item_id: '7' },
      { x: 1, item_id: 7 },
    ]);
  });

  test('are as they were before where a put failed, and are read again as soon as that works', async () => {
    const { entities, another, fault } = setup({ maxAgeMs: 1e9 });
    await entities.put('item', [{ id: 'a', fields: { x: 1 } }]);
    await another.put('item', [{ id: 'a', fields: { x: 2 } }]);
    fault.away = true;
    await expect(entities.put('item', [{ id: 'a', fields: { x: 3 } }])).rejects.toThrow('away');
    const old = await entities.read('item', ['a']);
    expect({ ...old, known: fieldsOf(old) }).toEqual({ known: [{ x: 1, item_id: 'a' }], stale: 1, unread: 0 });
    fault.away = false;
    expect(fieldsOf(await entities.read('item', ['a']))).toEqual([{ x: 2, item_id: 'a' }]);
  });

  test('whose stored value is damaged count as unreadable and cost the others nothing', async () => {
    const { entities, memory, metrics } = setup();
    const damaged = ['{"x":', '7', '[1]', 'null'].map((text, at) => ({
      key: `item/${at}`,
      value: new TextEncoder().encode(text),
    }));
    await memory.apply([...damaged, { key: 'item/fine', value: new TextEncoder().encode('{"x":1}') }]);
    const found = await entities.read('item', ['0', '1', '2', '3', 'fine']);
    expect(fieldsOf(found)).toEqual([undefined, undefined, undefined, undefined, { x: 1, item_id: 'fine' }]);
    expect(await metrics.scrape()).toContain('watchnext_entity_reads_total{kind="item",source="unreadable"} 4');
  });
});
