import { describe, expect, test } from '@jest/globals';
import { fingerprint } from '../../src/definition/index.js';
import { decodeEvent, encodeEvent, wholeImpression, type Exposure, type Impression } from '../../src/events/index.js';
import { createMemoryStore, requestStarts, selectRows, type FeatureBatch } from '../../src/features/index.js';
import { createEntities, createRanking, type RankAnswer, type RankRequest } from '../../src/ranking/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { modelOf, onlyRanker, requestFor, scorerOf, shelf } from './shelf.js';

/** Ranks and answers what was handed over to be logged, with the answer. */
const shown = async (
  request: RankRequest,
  options: { model?: ReturnType<typeof modelOf>; broken?: boolean } = {},
): Promise<{ answer: RankAnswer; impressions: Impression[]; metrics: string }> => {
  const events: (() => Impression | Exposure)[] = [];
  const metrics = createMetrics();
  const now = (): number => 1_000_000;
  const store = createMemoryStore();
  const entities = createEntities({ store, metrics, now });
  await entities.put('item', [{ id: 'a', fields: { quality: 9, colour: 'red' } }]);
  await entities.put('user', [{ id: 'u1', fields: { taste: 0.3, name: 'Ada' } }]);
  const rank = createRanking({
    rankers: onlyRanker(options.model ?? modelOf()),
    entities: options.broken === true ? { ...entities, read: () => Promise.reject(new Error('disk')) } : entities,
    metrics,
    logger: silentLogger,
    now,
    record: (event) => void events.push(event),
  });
  const answer = await rank(request);
  return {
    answer,
    impressions: events.map((make) => make()).filter((event) => event.kind === 'impression'),
    metrics: await metrics.scrape(),
  };
};
const numbers = (batch: FeatureBatch, name: string): number[] => {
  const column = batch.columns.get(name);
  return column?.type === 'numbers' ? [...column.values] : [];
};

describe('an impression', () => {
  test('holds the answered items in their order, with the very heads and scores of the answer', async () => {
    const { answer, impressions } = await shown(requestFor([1, 5, 3, 4], { limit: 3 }));
    const [impression] = impressions;
    expect(impressions).toHaveLength(1);
    expect(impression).toMatchObject({
      kind: 'impression',
      time: 1_000_000,
      requestId: 'r1',
      userId: 'u1',
      ranker: 'shelf',
      version: 'v1',
      fingerprint: fingerprint(shelf()),
      arms: {},
      weights: { click: 1, watch: 0.5 },
      tasks: ['click', 'watch'],
      candidates: 4,
    });
    const answered = answer.items as unknown as { id: string; score: number; heads: Record<string, number> }[];
    expect(impression!.items).toEqual(
      answered.map(({ id, score }, at) => ({ id, position: at + 1, row: 'abcd'.indexOf(id), score, propensity: 1 })),
    );
    // Answers say a head in as few digits as tell it from other float32 numbers.
    expect(impression!.heads).toEqual(
      Float32Array.from(answered.flatMap(({ heads }) => [heads['click'] ?? NaN, heads['watch'] ?? NaN])),
    );
    expect(numbers(impression!.features, 'quality')).toEqual([5, 4, 3]);
    expect(numbers(impression!.features, 'taste')).toEqual([Math.fround(0.2)]);
    expect([impression!.features.requests, impression!.features.rows]).toEqual([1, 3]);
    expect([...requestStarts(impression!.features)]).toEqual([0, 3]);
  });

  test('holds the merged fields that features read, and no others', async () => {
    const { impressions } = await shown({
      requestId: 'r1',
      user: { id: 'u1', fields: { shoe_size: 44 } },
      context: { device: 'tv', page: 'home' },
      candidates: [
        { id: 'a', fields: {} },
        { id: 'b', fields: { quality: 1, colour: 'blue' } },
      ],
    });
    const { user, context, candidates, written } = impressions[0]!.fields;
    expect(user).toEqual({ taste: 0.3, user_id: 'u1' });
    expect(context).toEqual({ device: 'tv' });
    expect(candidates).toEqual([
      { item_id: 'a', quality: 9 },
      { item_id: 'b', quality: 1 },
    ]);
    expect(written).toEqual([{ json: '{"quality":9,"item_id":"a"}', marked: false }, candidates[1]]);
  });

  test('keeps the fields by which state is found again', async () => {
    const definition = shelf({
      '  popularity: {kind: rate, scope: candidate, key: item_id, of: [click, watch], prior: 10}\n':
        '  popularity: {kind: rate, scope: candidate, key: [author, country], of: [click, watch], prior: 10}\n' +
        '  seen: {kind: history, scope: user, of: video, on: click, last: 3, dim: 2}\n',
    });
    const { impressions } = await shown(
      {
        requestId: 'r1',
        user: { id: 'u1', fields: { country: 'fr' } },
        candidates: [{ id: 'b', fields: { author: 'x', video: 'v', other: 1 } }],
      },
      { model: modelOf({ definition }) },
    );
    const { user, candidates } = impressions[0]!.fields;
    expect(user).toEqual({ user_id: 'u1', country: 'fr', taste: 0.3 });
    expect(candidates).toEqual([{ item_id: 'b', author: 'x', video: 'v' }]);
  });

  test('is the same after the log had it, down to what could not be scored', async () => {
    const { impressions } = await shown(requestFor([2, NaN, 3]));
    const [impression] = impressions;
    expect(impression!.items.map(({ score }) => Number.isNaN(score))).toEqual([false, false, true]);
    const read = wholeImpression(decodeEvent(encodeEvent(impression!)) as Impression);
    const { user, context, candidates } = impression!.fields;
    const fields = { user, context, candidates };
    expect({ ...read, encodedFeatures: undefined }).toEqual({ ...impression!, fields, encodedFeatures: undefined });
  });

  test('is made of fallback answers too, with heads that say nothing', async () => {
    const scorer = scorerOf(() => Promise.reject(new Error('no scorer')));
    const { answer, impressions } = await shown(requestFor([1, 2], { limit: 1 }), { model: modelOf({ scorer }) });
    expect(answer.fallback?.reason).toBe('scoring_failed');
    expect(impressions[0]).toMatchObject({ candidates: 2, items: [{ id: 'a', position: 1, score: NaN }] });
    expect([...impressions[0]!.heads]).toEqual([NaN, NaN]);
    expect(numbers(impressions[0]!.features, 'quality')).toEqual([1]);
  });

  test('is counted, not logged, where nothing was read', async () => {
    const { answer, impressions, metrics } = await shown(requestFor([1]), { broken: true });
    expect(answer.fallback?.reason).toBe('features_failed');
    expect(impressions).toEqual([]);
    expect(metrics).toContain('watchnext_events_dropped_total{topic="events",reason="features_failed"} 1');
  });

  test('is not made of a preview', async () => {
    const { answer, impressions } = await shown(requestFor([1], { log: false }));
    expect(answer.items).toHaveLength(1);
    expect(impressions).toEqual([]);
  });
});

test('rows are selected in the order asked for, repeats and all, without touching the batch', () => {
  const batch = modelOf().reader.read([
    {
      time: 0,
      user: { taste: 1 },
      context: {},
      candidates: [0, 1, 2].map((quality) => ({ item_id: `i${quality}`, quality })),
    },
  ]);
  const chosen = selectRows(batch, [2, 0, 2]);
  expect(numbers(chosen, 'quality')).toEqual([2, 0, 2]);
  const [all, some] = [batch.columns.get('item_id'), chosen.columns.get('item_id')];
  if (all?.type !== 'keys' || some?.type !== 'keys') throw new Error('ids are keys');
  expect([...some.offsets]).toEqual([0, 1, 2, 3]);
  const keys = [...all.keys];
  expect([...some.keys]).toEqual([...keys.slice(4, 6), ...keys.slice(0, 2), ...keys.slice(4, 6)]);
  expect(numbers(batch, 'quality')).toEqual([0, 1, 2]);
});
