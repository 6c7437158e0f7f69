import { describe, expect, jest, test } from '@jest/globals';
import { recordOf, type Exposure, type Impression } from '../../src/events/index.js';
import { createMemoryStore } from '../../src/features/index.js';
import { createEntities, createRanking, type RankRequest } from '../../src/ranking/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { modelOf, onlyRanker, shelf } from './shelf.js';

/** More than are held for a moment after something was made of them. */
const items = 2000;
const definition = shelf({
  '  popularity: {kind: rate, scope: candidate, key: item_id, of: [click, watch], prior: 10}\n':
    '  popularity: {kind: rate, scope: candidate, key: [author, country], of: [click, watch], prior: 10}\n' +
    '  age: {kind: time, scope: candidate, unit: age, from: made}\n',
});

/** Ranks items by id, logs what was shown, and says how many texts of JSON were read meanwhile. */
const setup = async () => {
  const shown: (() => Impression | Exposure)[] = [];
  const metrics = createMetrics();
  const now = () => 1_000_000;
  const entities = createEntities({ store: createMemoryStore(), metrics, now });
  await entities.put(
    'item',
    Array.from({ length: items }, (_, at) => ({
      id: `i${at}`,
      fields: { quality: at % 10, author: `a${at % 7}`, made: at, tags: ['x', 'y'] },
    })),
  );
  const rankers = onlyRanker(modelOf({ definition }));
  const record = (event: () => Impression | Exposure) => void shown.push(event);
  const rank = createRanking({ rankers, entities, metrics, logger: silentLogger, now, record });
  return async (from: number, more: Partial<RankRequest> = {}, fields = {}) => {
    const candidates = Array.from({ length: 200 }, (_, at) => ({ id: `i${from + at}`, fields }));
    const user = { id: 'u1', fields: { taste: 0.2, country: 'fr' } };
    const parse = jest.spyOn(JSON, 'parse');
    const answer = await rank({ requestId: 'r1', user, candidates, ...more });
    const logged = shown.splice(0).map((make) => recordOf(make()).value);
    const parsed = parse.mock.calls.length;
    parse.mockRestore();
    return { answer, logged: Buffer.concat(logged), parsed };
  };
};

describe('a ranking of items that were put', () => {
  test('parses the fields of each once, and none when they were ranked before: same answer, same log', async () => {
    const ranked = await setup();
    const first = await ranked(0);
    expect(first.parsed).toBe(200);
    for (let from = 200; from < items; from += 200) expect((await ranked(from)).parsed).toBe(200);
    const again = await ranked(0);
    expect(again.parsed).toBe(0);
    expect(again.answer).toEqual(first.answer);
    expect(again.logged.length).toBeGreaterThan(0);
    expect(again.logged.equals(first.logged)).toBe(true);
  });

  test('parses them where the request says more of them or asks why, and then keeps them', async () => {
    for (const [more, fields] of [
      [{}, { quality: 1 }],
      [{ explain: true }, {}],
    ] as const) {
      const ranked = await setup();
      for (let from = 0; from < items; from += 200) await ranked(from);
      const parsed = [];
      for (let time = 0; time < 2; time++) parsed.push((await ranked(0, more, fields)).parsed);
      expect(parsed).toEqual([200, 0]);
    }
  });
});
