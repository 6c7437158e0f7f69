import { describe, expect, test } from '@jest/globals';
import type { Exposure, Impression } from '../../src/events/index.js';
import { createExposureMemory, type Assignment, type Experiments, type Subject } from '../../src/experiments/index.js';
import { createMemoryStore, Known } from '../../src/features/index.js';
import type { Rankers, ServedModel } from '../../src/inference/index.js';
import { createEntities, createRanking, type Entities, type Found, type Rank } from '../../src/ranking/index.js';
import { createMetrics, silentLogger, type Metrics } from '../../src/telemetry/index.js';
import { modelOf, onlyRanker, plainHeads, requestFor, scorerOf, shelf } from './shelf.js';

interface ArmBench {
  readonly rank: Rank;
  readonly metrics: Metrics;
  readonly entities: Entities;
  /** Who was asked for, and what was handed over to be logged. */
  readonly subjects: Subject[];
  readonly events: () => (Impression | Exposure)[];
}

/** A ranking whose users all get this assignment. */
const bench = (
  assignment: Partial<Assignment>,
  options: { rankers?: Rankers; readable?: boolean; recorded?: boolean; user?: Found } = {},
): ArmBench => {
  const subjects: Subject[] = [];
  const made: (() => Impression | Exposure)[] = [];
  const metrics = createMetrics();
  const now = (): number => 5000;
  const entities = createEntities({ store: createMemoryStore(), metrics, now });
  const experiments: Experiments = {
    assign: (subject) => {
      subjects.push(subject);
      const anybody = { arms: {}, settings: {}, exposed: [] };
      return subject.userId === undefined || subject.userId === '' ? anybody : { ...anybody, ...assignment };
    },
    status: () => ({ source: 'test', loadedAt: undefined, experiments: [], refused: undefined }),
    armSettings: () => [],
    close: () => Promise.resolve(),
  };
  const unreadable: Entities['read'] = (kind, ids) =>
    kind === 'user' ? Promise.reject(new Error('disk')) : entities.read(kind, ids);
  const found: Entities['read'] = (kind, ids) =>
    kind === 'user' && options.user !== undefined ? Promise.resolve(options.user) : entities.read(kind, ids);
  const rank = createRanking({
    rankers: options.rankers ?? onlyRanker(modelOf()),
    entities: options.readable === false ? { ...entities, read: unreadable } : { ...entities, read: found },
    metrics,
    logger: silentLogger,
    now,
    ...(options.recorded !== false && { record: (event) => void made.push(event) }),
    experiments,
    exposures: createExposureMemory(),
  });
  return { rank, metrics, entities, subjects, events: () => made.map((make) => make()) };
};

const exposed = { experiment: 'look', arm: 'bold', phase: '2' };
const inLook = (settings: Assignment['settings'] = {}): Assignment => ({
  arms: { look: 'bold' },
  settings,
  exposed: [exposed],
});

describe('the arms of a request', () => {
  test('are in its answer, its impression and, once per user, an exposure before it', async () => {
    const { rank, events, metrics } = bench(inLook());
    const answer = await rank(requestFor([1, 2]));
    await rank(requestFor([1, 2], { requestId: 'r2' }));
    await rank(requestFor([1, 2], { requestId: 'r3', user: { id: 7, fields: {} } }));
    expect(answer.arms).toEqual({ look: 'bold' });
    expect(answer.unassigned).toBeUndefined();
    const logged = events();
    expect(logged.map(({ kind }) => kind)).toEqual(['exposure', 'impression', 'impression', 'exposure', 'impression']);
    expect(logged[0]).toEqual({ kind: 'exposure', time: 5000, userId: 'u1', ...exposed });
    expect(logged[3]).toMatchObject({ userId: 7 });
    expect(logged[1]).toMatchObject({ arms: { look: 'bold' }, time: 5000 });
    const scrape = await metrics.scrape();
    expect(scrape).toContain('watchnext_arm_rankings_total{experiment="look",arm="bold"} 3');
    expect(scrape).toContain('watchnext_exposures_total{experiment="look"} 2');
  });

  test('are looked for with what is known of the user and the context, what was put before included', async () => {
    const { rank, entities, subjects } = bench({});
    await entities.put('user', [{ id: 'u1', fields: { country: 'DE', taste: 0.9 } }]);
    await rank(requestFor([1], { context: { device: 'tv' }, ranker: 'shelf' }));
    expect(subjects).toEqual([
      {
        requestId: expect.any(String),
        userId: 'u1',
        attributes: { country: 'DE', taste: 0.2, device: 'tv', ranker: 'shelf' },
      },
    ]);
  });

  test('change weights, form, limit and the order of an answer that cannot be scored', async () => {
    const settings = { weights: { watch: -1, sparkle: 3 }, form: 'sum', limit: 2, fallback: 'request' } as const;
    const { rank, events } = bench(inLook(settings));
    const answer = await rank(requestFor([1, 3, 2]));
    // By click - watch, with click = taste + quality / 10 and watch = 10 · quality; no head is called sparkle.
    expect(answer.items.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(answer.weights).toEqual({ click: 1, watch: -1 });
    expect(answer.items[0]).toMatchObject({ score: expect.closeTo(0.3 - 10, 5) });
    expect(events()[1]).toMatchObject({ form: 'sum', weights: { click: 1, watch: -1 } });
    const explained = await rank(requestFor([1], { explain: true }));
    expect(explained.explain?.form).toBe('sum');
    expect(await rank(requestFor([1, 3, 2], { limit: 1 }))).toMatchObject({ items: [{ id: 'a' }] });

    const broken = modelOf({ scorer: scorerOf(() => Promise.reject(new Error('no scorer'))) });
    const failing = bench(inLook(settings), { rankers: onlyRanker(broken) });
    const fallen = await failing.rank(requestFor([1, 3, 2]));
    expect(fallen).toMatchObject({ arms: { look: 'bold' }, fallback: { order: 'request' }, items: [{}, {}] });
    expect(failing.events()).toMatchObject([{ kind: 'exposure' }, { kind: 'impression', arms: { look: 'bold' } }]);
  });

  test('leave form out of the log where they do not change it', async () => {
    const { rank, events } = bench(inLook({ form: 'product' }));
    await rank(requestFor([1]));
    expect(events()[1]).not.toHaveProperty('form');
  });

  test('of nobody are none: no user, or an empty name', async () => {
    const { rank, events } = bench(inLook());
    const { requestId, candidates } = requestFor([1]);
    expect(await rank({ requestId, candidates })).toMatchObject({ arms: {}, unassigned: 'no_user' });
    expect(await rank(requestFor([1], { user: { id: '', fields: {} } }))).toMatchObject({ unassigned: 'no_user' });
    expect(events().map(({ kind }) => kind)).toEqual(['impression', 'impression']);
  });

  test('are none where the request brings its own weights, for trying them', async () => {
    const { rank, events, metrics, subjects } = bench(inLook({ weights: { click: 0 }, exploration: { share: 1 } }));
    const answer = await rank(requestFor([1, 2], { weights: { watch: -1 } }));
    expect(answer).toMatchObject({ arms: {}, unassigned: 'weights', weights: { click: 1, watch: -1 } });
    expect(subjects).toEqual([]);
    expect(events()).toHaveLength(1);
    expect(await metrics.scrape()).toContain('watchnext_experiments_unassigned_total{reason="weights"} 1');
  });

  test('are none where what is stored of the user cannot be read: conditions may be about it', async () => {
    const { rank, events } = bench(inLook(), { readable: false });
    const answer = await rank(requestFor([1]));
    expect(answer).toMatchObject({
      arms: {},
      unassigned: 'user_unreadable',
      fallback: { reason: 'features_failed', order: 'request' },
    });
    expect(events()).toEqual([]);
  });

  test('are none while the store is away, unless memory still knows the user', async () => {
    const away: Found = { known: [undefined], stale: 0, unread: 1 };
    const known: Found = { known: [new Known({ read: () => ({ taste: 0.2 }) })], stale: 1, unread: 0 };
    const [without, withOld] = [bench(inLook(), { user: away }), bench(inLook(), { user: known })];
    const answer = await without.rank(requestFor([1]));
    expect(answer).toMatchObject({ arms: {}, unassigned: 'user_unreadable', degraded: ['store'] });
    expect(answer.fallback).toBeUndefined();
    expect(without.events()).toMatchObject([{ kind: 'impression' }]);
    expect(await withOld.rank(requestFor([1]))).toMatchObject({ arms: { look: 'bold' }, degraded: ['store'] });
  });

  test('of a preview are answered, and expose nobody', async () => {
    const { rank, events } = bench(inLook());
    expect(await rank(requestFor([1], { log: false }))).toMatchObject({ arms: { look: 'bold' } });
    expect(events()).toEqual([]);
  });

  test('of an answer for which nothing could be read are an exposure all the same', async () => {
    const model = modelOf();
    const reader = {
      read: () => {
        throw new Error('features');
      },
    };
    const { rank, events } = bench(inLook(), { rankers: onlyRanker({ ...model, reader }) });
    expect(await rank(requestFor([1]))).toMatchObject({
      arms: { look: 'bold' },
      fallback: { reason: 'features_failed' },
    });
    expect(events()).toMatchObject([{ kind: 'exposure' }]);
  });
});

describe('an arm that names', () => {
  const active = modelOf();
  const other = modelOf({
    definition: { ...shelf(), name: 'other' },
    scorer: scorerOf((batch) => ({ heads: plainHeads(batch) }), 'o1'),
  });
  const pinned = modelOf({ scorer: scorerOf((batch) => ({ heads: plainHeads(batch).map((head) => head / 2) }), 'v0') });
  /** By ranker and version as a request may ask for them. */
  const models: readonly (readonly [string, ServedModel])[] = [
    ['shelf', active],
    ['other', other],
    ['shelf@v0', pinned],
  ];
  const find = (ranker = 'shelf', version?: string): ServedModel | undefined =>
    new Map(models).get(version === undefined ? ranker : `${ranker}@${version}`);
  const rankers: Rankers = {
    ...onlyRanker(active),
    use: async (ranker, work, version) => work(find(ranker, version)!),
    definitionOf: (ranker, version) => find(ranker, version)?.definition,
  };

  test('another ranker is answered by it, whichever the request named', async () => {
    const { rank, events } = bench(inLook({ ranker: 'other' }), { rankers });
    expect(await rank(requestFor([1]))).toMatchObject({ ranker: 'other', version: 'o1', arms: { look: 'bold' } });
    expect(await rank(requestFor([1], { ranker: 'shelf' }))).toMatchObject({ ranker: 'other' });
    expect(events()[1]).toMatchObject({ ranker: 'other', version: 'o1' });
  });

  test('a version is answered by it, beside the active one', async () => {
    const { rank } = bench(inLook({ version: 'v0' }), { rankers });
    expect(await rank(requestFor([1]))).toMatchObject({ ranker: 'shelf', version: 'v0', arms: { look: 'bold' } });
  });

  test.each([
    ['a version that does not serve', { version: 'v9', limit: 1 }],
    ['a ranker that does not serve', { ranker: 'gone', limit: 1 }],
    ['weights that this version does not allow', { weights: { click: 5 }, limit: 1 }],
  ])('%s gets what everybody gets, says so, and exposes nobody', async (_, settings) => {
    const { rank, events, metrics } = bench(inLook(settings), { rankers });
    const answer = await rank(requestFor([1, 2]));
    expect(answer).toMatchObject({ ranker: 'shelf', version: 'v1', arms: {}, unassigned: 'arm_unavailable' });
    expect(answer.items).toHaveLength(2);
    expect(events()).toMatchObject([{ kind: 'impression', arms: {} }]);
    expect(await metrics.scrape()).toContain('watchnext_experiments_unassigned_total{reason="arm_unavailable"} 1');
  });
});

describe('an order that is varied', () => {
  const qualities = [5, 4, 3, 2, 1];
  const letters = ['a', 'b', 'c', 'd', 'e'];
  /** The scores of these candidates with the shelf's own rules. */
  const scoreOf = (id: string | number): number => {
    const quality = qualities[letters.indexOf(String(id))]!;
    return (0.2 + quality / 10) * Math.sqrt(10 * quality);
  };

  test('says what was drawn, with the chance of every place among all candidates, shown or not', async () => {
    const { rank, events, metrics } = bench(inLook({ exploration: { share: 1, temperature: 0.5 } }));
    const orders = new Set<string>();
    for (let request = 0; request < 30; request++) {
      const answer = await rank(requestFor(qualities, { requestId: `r${request}`, limit: 2 }));
      expect(answer.exploration).toEqual({ share: 1, temperature: 0.5, swaps: 0, drawn: 'noise' });
      const logged = events().at(-1) as Impression;
      const [first, second] = logged.items.map(({ id }) => id);
      orders.add(`${first} ${second}`);
      const weight = (id: string | number): number => scoreOf(id) ** 2;
      const all = letters.reduce((sum, id) => sum + weight(id), 0);
      expect(logged.items.map(({ propensity }) => propensity)).toEqual([
        expect.closeTo(weight(first!) / all, 6),
        expect.closeTo(weight(second!) / (all - weight(first!)), 6),
      ]);
      expect(answer.items.map(({ id }) => id)).toEqual([first, second]);
      const left = letters.filter((id) => id !== first && id !== second);
      expect(logged.unshown!.ids).toEqual(left);
      expect([...logged.unshown!.rows]).toEqual(left.map((id) => letters.indexOf(id)));
      expect([...logged.unshown!.heads].map((head) => Math.fround(head))).toEqual(
        left.flatMap((id) => {
          const quality = qualities[letters.indexOf(id)]!;
          return [expect.closeTo(0.2 + quality / 10, 6), 10 * quality];
        }),
      );
      expect(logged).toMatchObject({ form: 'product', exploration: answer.exploration });
    }
    expect(orders.size).toBeGreaterThan(5);
    expect(await metrics.scrape()).toContain('watchnext_explored_rankings_total{ranker="shelf",drawn="noise"} 30');
  });

  test('is the same for the same request', async () => {
    const { rank } = bench(inLook({ exploration: { share: 1 } }));
    const request = requestFor(qualities);
    expect((await rank(request)).items).toEqual((await rank(request)).items);
  });

  test('may be so by the definition alone, and its arms change it key by key', async () => {
    const definition = shelf({ 'bounds: {click: [0, 2]}}': 'exploration: {share: 0.7, temperature: 2}}' });
    const rankers = onlyRanker(modelOf({ definition }));
    const everybody = await bench({}, { rankers }).rank(requestFor(qualities));
    expect(everybody.exploration).toMatchObject({ share: 0.7, temperature: 2, swaps: 0 });
    const inArm = await bench(inLook({ exploration: { share: 0.25, swaps: 0.5 } }), { rankers }).rank(
      requestFor(qualities),
    );
    expect(inArm.exploration).toMatchObject({ share: 0.25, temperature: 2, swaps: 0.5 });
    const tooMuch = await bench(inLook({ exploration: { swaps: 0.5 } }), { rankers }).rank(requestFor(qualities));
    expect(tooMuch.exploration!.swaps).toBeCloseTo(0.3, 12);
    const off = await bench(inLook({ exploration: { share: 0 } }), { rankers }).rank(requestFor(qualities));
    expect(off.exploration).toBeUndefined();
  });

  test('never is where the answer is not logged, or the request tries weights', async () => {
    const definition = shelf({ 'bounds: {click: [0, 2]}}': 'exploration: {share: 1}}' });
    const rankers = onlyRanker(modelOf({ definition }));
    for (const [more, options] of [
      [{ log: false }, {}],
      [{ weights: { click: 1 } }, {}],
      [{}, { recorded: false }],
    ] as const)
      for (let request = 0; request < 5; request++) {
        const answer = await bench({}, { rankers, ...options }).rank(
          requestFor(qualities, { ...more, requestId: `${request}` }),
        );
        expect(answer.exploration).toBeUndefined();
        expect(answer.items.map(({ id }) => id)).toEqual(letters);
      }
  });

  test('is not where nothing could be scored', async () => {
    const broken = modelOf({ scorer: scorerOf(() => Promise.reject(new Error('no scorer'))) });
    const { rank, events } = bench(inLook({ exploration: { share: 1 } }), { rankers: onlyRanker(broken) });
    expect((await rank(requestFor(qualities))).exploration).toBeUndefined();
    const logged = events().at(-1) as Impression;
    expect(logged).not.toHaveProperty('exploration');
    expect(logged.items.every(({ propensity }) => propensity === 1)).toBe(true);
  });
});
