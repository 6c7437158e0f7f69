import { describe, expect, test } from '@jest/globals';
import { createMemoryStore } from '../../src/features/index.js';
import { createEntities, nameRecent, readAhead } from '../../src/ranking/index.js';
import { createMetrics } from '../../src/telemetry/index.js';

/** Two processes after each other on one store, and how often the store was asked. */
const setup = (capacity = 1000) => {
  const memory = createMemoryStore();
  const asked: string[][] = [];
  const fault = { away: false };
  const store = {
    ...memory,
    read: (keys: readonly string[]) => {
      asked.push([...keys]);
      return fault.away ? Promise.reject(new Error('away')) : memory.read(keys);
    },
  };
  const clock = { time: 0 };
  const process = () => {
    const metrics = createMetrics();
    const entities = createEntities({ store, metrics, now: () => clock.time, capacity });
    return { metrics, entities, kept: { store, entities, capacity, clock: () => clock.time } };
  };
  return { memory, store, asked, fault, clock, first: process(), second: process() };
};
const numbered = (count: number) => Array.from({ length: count }, (_, at) => ({ id: at, fields: { at } }));

describe('a service that starts', () => {
  test('has in memory what the one before read last, and counts none of it', async () => {
    const { first, second, asked } = setup();
    await first.entities.put('item', numbered(3));
    await first.entities.put('user', [{ id: '7', fields: { name: 'Ü' } }]);
    await nameRecent(first.kept);
    expect(await readAhead(second.kept)).toEqual({ items: [2, 1, 0], users: ['7'] });
    const before = asked.length;
    const { known } = await second.entities.read('item', [0, 1, 2]);
    expect(known.map((each) => each?.fields)).toEqual([0, 1, 2].map((at) => ({ at, item_id: at })));
    await second.entities.read('user', ['7']);
    expect(asked).toHaveLength(before);
    expect(await second.metrics.scrape()).not.toMatch(/entity_reads_total\{[^}]*source="(store|absent)"\} [1-9]/);
  });

  test('reads no more than half of what fits into memory, the most recent first', async () => {
    const { first, second } = setup(10);
    await first.entities.put('item', numbered(8));
    await nameRecent(first.kept);
    expect((await readAhead(second.kept)).items).toEqual([7, 6, 5, 4, 3]);
  });

  test('leaves out what is gone, and what nobody knew', async () => {
    const { first, second, memory } = setup();
    await first.entities.put('item', numbered(2));
    await first.entities.read('item', ['never put']);
    await nameRecent(first.kept);
    await memory.apply([{ key: 'item/1', value: undefined }]);
    expect((await readAhead(second.kept)).items).toEqual([0]);
  });

  test('reads for a second at most', async () => {
    const { first, second, clock, store } = setup(10_000);
    await first.entities.put('item', numbered(2000));
    await nameRecent(first.kept);
    const slow = {
      ...store,
      read: (keys: readonly string[]) => {
        clock.time += 400;
        return store.read(keys);
      },
    };
    const entities = createEntities({ store: slow, metrics: createMetrics(), now: () => clock.time });
    // After the list itself there is time to begin two parts, each of as many as a request may name.
    expect((await readAhead({ ...second.kept, store: slow, entities })).items).toHaveLength(2 * 200);
  });

  test('knows nothing where nothing was named, the list is damaged or the store is away', async () => {
    const { second, memory, fault } = setup();
    const nothing = { items: [], users: [] };
    expect(await readAhead(second.kept)).toEqual(nothing);
    for (const text of ['{', '{"a":1}', '[null,{}]']) {
      await memory.apply([{ key: 'recent/item', value: new TextEncoder().encode(text) }]);
      expect(await readAhead(second.kept)).toEqual(nothing);
    }
    fault.away = true;
    expect(await readAhead(second.kept)).toEqual(nothing);
  });

  test('that is never asked leaves the list of the one before', async () => {
    const { first, second, memory } = setup();
    await first.entities.put('item', numbered(1));
    await nameRecent(first.kept);
    const [before] = await memory.read(['recent/item']);
    await nameRecent(second.kept);
    expect(await memory.read(['recent/item'])).toEqual([before]);
  });

  test('and is asked for nothing names what it read ahead as it was named, and what it is asked for before it', async () => {
    const { first, second, memory } = setup();
    await first.entities.put('item', numbered(450));
    await first.entities.put('user', [
      { id: 'a', fields: {} },
      { id: 'b', fields: {} },
    ]);
    await nameRecent(first.kept);
    const before = await memory.read(['recent/item', 'recent/user']);
    await readAhead(second.kept);
    await nameRecent(second.kept);
    expect(await memory.read(['recent/item', 'recent/user'])).toEqual(before);

    await second.entities.put('item', [
      { id: 'new', fields: {} },
      { id: 77, fields: {} },
    ]);
    await nameRecent(second.kept);
    const [named] = await memory.read(['recent/item']);
    const rest = numbered(450).map(({ id }) => id);
    expect(JSON.parse(new TextDecoder().decode(named))).toEqual([
      77,
      'new',
      ...rest.reverse().filter((id) => id !== 77),
    ]);
  });

  test('that has room for fewer names the most recent of what it read ahead', async () => {
    const { first, second, store, memory } = setup();
    await first.entities.put('item', numbered(8));
    await nameRecent(first.kept);
    await readAhead(second.kept);
    await nameRecent({ store, entities: second.entities, capacity: 6 });
    const [named] = await memory.read(['recent/item']);
    expect(new TextDecoder().decode(named)).toBe('[7,6,5]');
  });

  test('reads of the list no more than it has room for, whatever else is in it', async () => {
    const { first, second, memory } = setup(6);
    await first.entities.put('item', numbered(1));
    await first.entities.put(
      'item',
      ['q"]', '\\,"', 'ü\n'].map((id) => ({ id, fields: {} })),
    );
    const list = `${JSON.stringify(['q"]', '\\,"', 'ü\n', 0], undefined, 1).slice(0, -1)},"cut`;
    await memory.apply([{ key: 'recent/item', value: new TextEncoder().encode(list) }]);
    expect((await readAhead(second.kept)).items).toEqual(['q"]', '\\,"', 'ü\n']);
  });
});
