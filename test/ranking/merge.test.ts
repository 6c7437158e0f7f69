import { describe, expect, test } from '@jest/globals';
import { createMemoryStore, fieldsOf, type Fields } from '../../src/features/index.js';
import { createEntities } from '../../src/ranking/index.js';
import { mergeFields, storedUser } from '../../src/ranking/merge.js';
import { createMetrics } from '../../src/telemetry/index.js';

const setup = async (items: Readonly<Record<string, Fields>>) => {
  const entities = createEntities({ store: createMemoryStore(), metrics: createMetrics(), now: () => 0 });
  await entities.put(
    'item',
    Object.entries(items).map(([id, fields]) => ({ id, fields })),
  );
  const merge = async (candidates: readonly { readonly id: string | number; readonly fields: Fields }[]) => {
    const request = { requestId: 'r', candidates };
    const { input } = await mergeFields(request, { stored: storedUser(request, entities), entities, time: 0 });
    return input.candidates;
  };
  const mergedFields = async (...given: Parameters<typeof merge>) => (await merge(...given)).map(fieldsOf);
  return { entities, merge, mergedFields };
};

describe('the fields of candidates', () => {
  test('are those of the request, then those that were put, and the id', async () => {
    const { mergedFields } = await setup({ a: { topic: 'music', length: 3 }, b: { topic: 'sport' } });
    expect(
      await mergedFields([
        { id: 'a', fields: { length: 4 } },
        { id: 'b', fields: {} },
        { id: 'c', fields: { topic: 'news' } },
        { id: 'd', fields: {} },
      ]),
    ).toEqual([
      { topic: 'music', length: 4, item_id: 'a' },
      { topic: 'sport', item_id: 'b' },
      { topic: 'news', item_id: 'c' },
      { item_id: 'd' },
    ]);
  });

  test('follow what is put between two requests', async () => {
    const { mergedFields, entities } = await setup({ a: { topic: 'music' } });
    const candidates = [{ id: 'a', fields: {} }];
    expect(await mergedFields(candidates)).toEqual([{ topic: 'music', item_id: 'a' }]);
    await entities.put('item', [{ id: 'a', fields: { topic: 'sport' } }]);
    expect(await mergedFields(candidates)).toEqual([{ topic: 'sport', item_id: 'a' }]);
  });

  test('are the same for every request that names a put item only, and known not to change', async () => {
    const { merge, mergedFields } = await setup({ 7: { topic: 'music' } });
    const [first] = await merge([{ id: '7', fields: {} }]);
    const [second] = await merge([{ id: '7', fields: {} }]);
    expect(second).toBe(first);
    expect(Object.isFrozen(fieldsOf(first!))).toBe(true);
    // 7 and "7" are one item, and each is logged as it was sent.
    expect(await mergedFields([{ id: 7, fields: {} }])).toEqual([{ topic: 'music', item_id: 7 }]);
    expect(await mergedFields([{ id: '7', fields: {} }])).toEqual([{ topic: 'music', item_id: '7' }]);
  });
});
