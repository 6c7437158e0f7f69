import { describe, expect, test } from '@jest/globals';
import { createMemoryStore, type Outcome } from '../../src/features/index.js';
import { createEntities, type Entities } from '../../src/ranking/index.js';
import { createMetrics } from '../../src/telemetry/index.js';
import { modelOf, plainHeads, ranking, requestFor, scorerOf, shelf } from './shelf.js';

const ids = (answer: { items: readonly { id: string | number }[] }): (string | number)[] =>
  answer.items.map(({ id }) => id);

describe('a ranking', () => {
  test('orders by the combined score and answers every head', async () => {
    const answer = await ranking().rank(requestFor([1, 3, 2]));
    expect(ids(answer)).toEqual(['b', 'c', 'a']);
    expect(answer).toMatchObject({ requestId: 'r1', ranker: 'shelf', version: 'v1', arms: {} });
    expect(answer.weights).toEqual({ click: 1, watch: 0.5 });
    const [first] = answer.items as unknown as [{ position: number; score: number; heads: Record<string, number> }];
    expect(first.position).toBe(1);
    expect(first.heads.click).toBeCloseTo(0.5, 6);
    expect(first.heads.watch).toBeCloseTo(30, 5);
    expect(first.score).toBeCloseTo(0.5 * Math.sqrt(30), 5);
  });

  test('answers as many items as asked for', async () => {
    expect(ids(await ranking().rank(requestFor([1, 3, 2], { limit: 2 })))).toEqual(['b', 'c']);
  });

  test('takes fields that the request leaves out from what was put, and prefers those it has', async () => {
    const { rank, entities } = ranking();
    await entities.put('item', [
      { id: 'a', fields: { quality: 9 } },
      { id: 'b', fields: { quality: 9 } },
    ]);
    await entities.put('user', [{ id: 7, fields: { taste: 0.1 } }]);
    const answer = await rank({
      requestId: 'r2',
      user: { id: '7', fields: {} },
      candidates: [
        { id: 'b', fields: { quality: 1 } },
        { id: 'a', fields: {} },
      ],
    });
    expect(ids(answer)).toEqual(['a', 'b']);
    expect(answer.items[0]).toMatchObject({ heads: { watch: 90 } });
  });

  test('applies the request’s weights to the heads it names', async () => {
    const answer = await ranking().rank(requestFor([1, 2], { weights: { watch: -1 } }));
    expect(answer.weights).toEqual({ click: 1, watch: -1 });
    expect(ids(answer)).toEqual(['a', 'b']);
  });

  test('refuses unknown heads with the nearest one, and weights out of bounds with the bounds', async () => {
    const { rank } = ranking();
    await expect(rank(requestFor([1], { weights: { clik: 1 } }))).rejects.toMatchObject({
      code: 'head_unknown',
      problems: [{ path: '/weights/clik', hint: expect.stringContaining('click') }],
    });
    await expect(rank(requestFor([1], { weights: { click: 2.5, watch: 11 } }))).rejects.toMatchObject({
      code: 'weight_out_of_bounds',
      problems: [{ hint: 'from 0 to 2' }, { hint: 'from -10 to 10' }],
    });
    await expect(rank(requestFor([1], { weights: { constructor: 1 } }))).rejects.toMatchObject({
      code: 'head_unknown',
    });
  });

  test('puts candidates without finite heads last, marked and without a score', async () => {
    const { rank, metrics } = ranking();
    const answer = await rank(requestFor([NaN, 1, NaN, 2]));
    expect(ids(answer)).toEqual(['d', 'b', 'a', 'c']);
    expect(answer.items.slice(2)).toEqual([
      { id: 'a', position: 3, scored: false },
      { id: 'c', position: 4, scored: false },
    ]);
    expect(answer.fallback).toBeUndefined();
    expect(await metrics.scrape()).toContain('watchnext_unscored_rows_total{ranker="shelf"} 2');
  });

  test('explains parts, gates and the features used', async () => {
    const scorer = scorerOf((batch) => ({
      heads: plainHeads(batch),
      gates: Float32Array.from({ length: batch.rows * 2 * 2 }, (_, at) => (at % 2 === 0 ? 0.25 : 0.75)),
    }));
    const request = requestFor([4], { explain: true, context: { device: 'tv' } });
    const answer = await ranking(modelOf({ scorer })).rank(request);
    expect(answer.explain).toMatchObject({
      form: 'product',
      features: { taste: expect.closeTo(0.2, 6), device: 'tv' },
    });
    const [item] = answer.items as unknown as [{ score: number; explain: { parts: Record<string, number> } }];
    const { click, watch } = item.explain.parts;
    expect(click).toBeCloseTo(Math.log(0.6), 5);
    expect(Math.exp(click! + watch!)).toBeCloseTo(item.score, 6);
    expect(item.explain).toMatchObject({
      gates: { click: [0.25, 0.75], watch: [0.25, 0.75] },
      features: { item_id: 'a', quality: 4 },
    });
  });
});

describe('when scoring fails', () => {
  const broken = scorerOf(() => Promise.reject(new Error('no scorer')));
  const seen = (item: string, clicks: number, of: number): Outcome[] =>
    Array.from({ length: of }, (_, index) => ({
      time: 1000 + index,
      user: {},
      context: {},
      candidate: { item_id: item },
      labels: { click: index < clicks ? 1 : 0, watch: 1 },
    }));

  test('the answer comes in the order of smoothed rates and says so', async () => {
    const outcomes = [...seen('a', 1, 50), ...seen('b', 40, 50), ...seen('c', 1, 1)];
    const { rank, metrics } = ranking(modelOf({ scorer: broken, outcomes }));
    const answer = await rank(requestFor([1, 1, 1, 1], { weights: { watch: 0 } }));
    expect(answer.fallback).toEqual({ reason: 'scoring_failed', order: 'rates' });
    expect(ids(answer)).toEqual(['b', 'c', 'd', 'a']);
    expect(answer.items.every((item) => 'scored' in item && !('score' in item))).toBe(true);
    expect(await metrics.scrape()).toContain('watchnext_fallbacks_total{ranker="shelf",reason="scoring_failed"} 1');
  });

  test('without rates it comes in the caller’s order', async () => {
    const definition = shelf({
      '  popularity: {kind: rate, scope: candidate, key: item_id, of: [click, watch], prior: 10}\n': '',
    });
    const answer = await ranking(modelOf({ definition, scorer: broken })).rank(requestFor([1, 2, 3], { limit: 2 }));
    expect(answer.fallback).toEqual({ reason: 'scoring_failed', order: 'request' });
    expect(ids(answer)).toEqual(['a', 'b']);
  });

  test('a scorer that takes too long is not waited for', async () => {
    const never = scorerOf(() => new Promise(() => {}));
    const deadline = performance.now() + 5;
    const answer = await ranking(modelOf({ scorer: never })).rank(requestFor([1], { deadline }));
    expect(answer.fallback?.reason).toBe('deadline_passed');
  });

  test('a store that cannot be read costs what it holds, not the scores, and is said', async () => {
    const store = { ...createMemoryStore(), read: () => Promise.reject(new Error('away')) };
    const entities = createEntities({ store, metrics: createMetrics(), now: () => 0 });
    const answer = await ranking(modelOf(), { entities }).rank(requestFor([1, 2]));
    expect(answer.degraded).toEqual(['store']);
    expect(answer.fallback).toBeUndefined();
    expect(ids(answer)).toEqual(['b', 'a']);
    expect((await ranking().rank(requestFor([1, 2]))).degraded).toBeUndefined();
  });

  test('a failure while fields are merged is answered in the caller’s order', async () => {
    const broken: Entities = { put: () => Promise.resolve(), read: () => Promise.reject(new Error('bug')) };
    const answer = await ranking(modelOf(), { entities: broken }).rank(requestFor([1, 2]));
    expect(answer.fallback).toEqual({ reason: 'features_failed', order: 'request' });
  });
});
