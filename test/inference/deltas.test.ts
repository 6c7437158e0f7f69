import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openArtifacts, type Artifacts } from '../../src/artifact/index.js';
import {
  createRankers,
  createScorerPool,
  openModel,
  openVersions,
  type LiveRankers,
  type ScorerPool,
  type Versions,
} from '../../src/inference/index.js';
import { restoreFeatureState, type FeatureState } from '../../src/features/index.js';
import { createMetrics, silentLogger, type Metrics } from '../../src/telemetry/index.js';
import { learnShelf, type ShelfLearner } from './shelf-lessons.js';
import { sealShelf, shelfBatch, shelfHeads } from './shelf-model.js';
import { until } from '../until.js';

/** All tests share threads and folder; each has a sealed version of its own, which is active. */
let folder: string;
let pool: ScorerPool;
let versions: Versions;
let artifacts: Artifacts;
let sealed = 0;
const seal = (scale = 1): Promise<string> =>
  sealShelf(folder, { scale, nowMs: Date.UTC(2026, 0, 1) + 1000 * sealed++ });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-deltas-'));
  artifacts = openArtifacts(folder);
  versions = openVersions(folder, silentLogger);
  pool = await createScorerPool({ device: 'cpu', workers: 2, logger: silentLogger, metrics: createMetrics() });
});
afterAll(async () => {
  await Promise.all([pool.close(), versions.close()]);
  await rm(folder, { recursive: true });
});

/** How often each feature state is held. */
const held = new Map<FeatureState, number>();
const holdMore = (state: FeatureState, by: number): void => void held.set(state, (held.get(state) ?? 0) + by);
const states: NonNullable<Parameters<typeof openModel>[0]['states']> = {
  stateOf: ({ definition, snapshot }) => {
    const state = restoreFeatureState(definition, snapshot);
    holdMore(state, 1);
    return state;
  },
  hold: (state) => holdMore(state, 1),
  release: (state) => holdMore(state, -1),
};

let base: string;
let learner: ShelfLearner;
let metrics: Metrics;
let rankers: LiveRankers;
let errors: string[];
let now: number;
beforeEach(async () => {
  base = await seal();
  await artifacts.activate('shelf', base);
  learner = await learnShelf(artifacts, base);
  metrics = createMetrics();
  errors = [];
  now = 0;
  const logger = { ...silentLogger, error: (_: object, message: string): void => void errors.push(message) };
  held.clear();
  const open = (ranker: string, version: string) => openModel({ versions, pool, states }, ranker, version);
  rankers = createRankers({ source: versions, open, folder, logger, metrics, now: () => now });
  await rankers.refresh();
});
afterEach(() => rankers.close());

const chainFile = (sequence: number): string => join(folder, 'shelf', 'deltas', base, `0000000${sequence}.delta`);
const batch = shelfBatch([1, 2, 3]);
/** The version that answers, and its watch heads for candidates i0, i1, i2. */
const ask = (): Promise<{ version: string; watch: number[] }> =>
  rankers.use('shelf', async ({ scorer, version }) => {
    const { heads } = await scorer.score(batch);
    return { version, watch: [...heads].filter((_, at) => at % 2 === 1) };
  });
/** What the learner would answer now. */
const learned = (): number[] => [...shelfHeads(batch, learner)].filter((_, at) => at % 2 === 1);
const expectLearned = async (version: string): Promise<void> => {
  const answer = await ask();
  expect(answer.version).toBe(version);
  learned().forEach((watch, row) => expect(answer.watch[row]).toBeCloseTo(watch, 3));
};
const status = async () => (await rankers.list())[0]!;

describe('deltas of the version that serves', () => {
  test('serve one after the other: rows that changed, rows that are new, rows that are gone, new graphs', async () => {
    await expectLearned(base);
    await learner.publish({ rows: { i0: [5, 7] } });
    await rankers.refresh();
    await expectLearned(`${base}+1`);
    await learner.publish({ rows: { i2: [1, 1], i0: [2, 3] }, scale: 2 });
    await rankers.refresh();
    await expectLearned(`${base}+2`);
    // An id without a row adds nothing.
    const [before] = (await ask()).watch;
    await learner.publish({ removed: ['i0'] });
    await rankers.refresh();
    await expectLearned(`${base}+3`);
    expect((await ask()).watch[0]).toBeCloseTo(before! - 2 * 5, 3);
    await learner.publish({ rows: { i0: [0.5, 0] } });
    await rankers.refresh();
    await expectLearned(`${base}+4`);
    expect(await status()).toMatchObject({ active: base, version: `${base}+4`, delta: 4 });
    expect((await status()).learnedUntil).toBe(new Date(1_767_300_000_003).toISOString());
  });

  test('that wait are applied all and swapped in once, by a service that has just started too', async () => {
    for (let n = 1; n <= 7; n += 1) await learner.publish({ rows: { i1: [n, n] }, ...(n === 3 && { scale: 3 }) });
    await rankers.refresh();
    await expectLearned(`${base}+7`);
    expect(await metrics.scrape()).toContain('watchnext_deltas_total{ranker="shelf",outcome="applied"} 1');
    await learner.publish({ rows: { i1: [0, 1] } });
    await rankers.refresh();
    await expectLearned(`${base}+8`);
    expect(await metrics.scrape()).toContain('watchnext_delta_sequence{ranker="shelf"} 8');
  });

  test('hold the feature state of what was sealed until another version serves', async () => {
    for (const n of [1, 2]) {
      await learner.publish({ rows: { i1: [n, n] } });
      await rankers.refresh();
    }
    await until(() => [...held.values()].join() === '1');
    await artifacts.activate('shelf', await seal(2));
    await rankers.refresh();
    await until(() => [...held.values()].join() === '0,1');
    await rankers.close();
    expect([...held.values()]).toEqual([0, 0]);
  });

  test('let tables grow far beyond what they were', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`more${i}`, [i, 1] as const]));
    await learner.publish({ rows: many });
    await rankers.refresh();
    await learner.publish({ rows: { i0: [9, 9] }, removed: Object.keys(many).slice(0, 4900) });
    await rankers.refresh();
    await expectLearned(`${base}+2`);
    await learner.publish({ rows: { i1: [9, 9] } });
    await rankers.refresh();
    await expectLearned(`${base}+3`);
  });

  test('keep what reads the features', async () => {
    const readerOf = () => rankers.use('shelf', ({ reader }) => Promise.resolve(reader));
    const reader = await readerOf();
    await learner.publish({ rows: { i0: [5, 7] } });
    await rankers.refresh();
    expect((await ask()).version).toBe(`${base}+1`);
    expect(await readerOf()).toBe(reader);
  });

  test('wait while the copy that they would change is still read', async () => {
    let finish = (): void => undefined;
    const slow = rankers.use('shelf', async ({ scorer }) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return scorer.score(batch);
    });
    const before = learned();
    for (const n of [1, 2, 3]) {
      await learner.publish({ rows: { i0: [n, n], i1: [n, n], i2: [n, n] } });
      await rankers.refresh();
    }
    // The first took the second copy; the third one has none to change.
    expect((await ask()).version).toBe(`${base}+1`);
    finish();
    const { heads } = await slow;
    before.forEach((watch, row) => expect(heads[2 * row + 1]).toBeCloseTo(watch, 3));
    await until(async () => (await rankers.refresh(), (await ask()).version === `${base}+3`));
    await expectLearned(`${base}+3`);
  });

  test('give every answer the values of exactly one version while they swap without pause', async () => {
    const published = 30;
    const expected = new Map<string, number[]>([[base, learned()]]);
    let done = false;
    const swap = async (): Promise<void> => {
      for (let n = 1; n <= published; n += 1) {
        const rows = Object.fromEntries(['i0', 'i1', 'i2', `new${n}`].map((id) => [id, [n, -n / 2] as const]));
        const removed = n > 5 ? [`new${n - 5}`] : [];
        const version = await learner.publish({ rows, removed, ...(n % 3 === 0 && { scale: 1 + (n % 7) }) });
        expected.set(version, learned());
        await rankers.refresh();
      }
      done = true;
    };
    const seen = new Map<string, number>();
    const ranks = async (): Promise<void> => {
      while (!done) {
        const { version, watch } = await ask();
        seen.set(version, (seen.get(version) ?? 0) + 1);
        const values = expected.get(version)!;
        watch.forEach((value, row) => expect(Math.abs(value - values[row]!)).toBeLessThan(1e-3));
      }
    };
    await Promise.all([swap(), ...Array.from({ length: 6 }, ranks)]);
    expect(seen.size).toBeGreaterThan(5);
    await expectLearned(`${base}+${published}`);
  });
});

describe('a delta that must not serve', () => {
  const wrong: [string, () => Promise<unknown>, RegExp][] = [
    [
      'damaged',
      async () => {
        await learner.publish({ rows: { i0: [8, 8] } });
        const bytes = await readFile(chainFile(3));
        await writeFile(
          chainFile(3),
          Uint8Array.from(bytes, (byte, at) => (at === 400 ? byte ^ 1 : byte)),
        );
      },
      /checksum/,
    ],
    [
      'missing, with later ones there',
      async () => {
        for (const n of [3, 4]) await learner.publish({ rows: { i0: [n, n] } });
        await rm(chainFile(3));
      },
      /\+3 was refused: .*missing/,
    ],
    ['not what its trainer says it is', () => learner.publish({ rows: { i0: [8, 8] }, error: 0.01 }), /golden rows/],
    ['not a graph that runs', () => publishGraph(Uint8Array.of(1, 2, 3)), /graph.onnx cannot be run/],
  ];
  const publishGraph = async (graph: Uint8Array): Promise<void> => {
    const { sequence, hash } = await artifacts.endOfChain('shelf', base);
    const { delta } = await artifacts.nextDelta('shelf', base, { sequence: 0, hash: await firstHash() });
    await artifacts.publishDelta({ ...delta, sequence: sequence + 1, previous: hash, graph });
  };
  const firstHash = async (): Promise<string> => (await artifacts.load('shelf', base)).chain.hash;

  test.each(wrong)('because it is %s: the sealed version serves again, and says why', async (_, publish, why) => {
    const before = (await ask()).watch;
    for (const n of [1, 2]) await learner.publish({ rows: { i0: [n, n] }, scale: 2 });
    await rankers.refresh();
    expect((await ask()).version).toBe(`${base}+2`);
    await publish();
    await rankers.refresh();
    expect(await ask()).toEqual({ version: base, watch: before });
    const { active, delta, refused } = await status();
    expect([active, delta, refused?.version]).toEqual([base, 0, `${base}+3`]);
    expect(refused?.reason).toMatch(why);
    expect(errors).toEqual(['a delta does not serve', expect.stringContaining('as it was sealed serves')]);
    // The chain is left alone from there on, until a new version begins another.
    await rankers.refresh();
    await rankers.refresh();
    expect([(await ask()).version, errors.length]).toEqual([base, 2]);
    const next = await seal(3);
    await artifacts.activate('shelf', next);
    await rankers.refresh();
    expect((await ask()).version).toBe(next);
    expect((await status()).refused).toBeUndefined();
    await (await learnShelf(artifacts, next)).publish({ rows: { i0: [1, 1] }, scale: 3 });
    await rankers.refresh();
    expect((await ask()).version).toBe(`${next}+1`);
  });

  test('as the first one: what was sealed goes on serving, and activating it tries again', async () => {
    await learner.publish({ rows: { i0: [8, 8] } });
    const bytes = await readFile(chainFile(1));
    await writeFile(chainFile(1), bytes.subarray(0, 100));
    await rankers.refresh();
    expect((await ask()).version).toBe(base);
    expect(errors).toEqual(['a delta does not serve']);
    await writeFile(chainFile(1), bytes);
    await rankers.refresh();
    expect((await ask()).version).toBe(base);
    await rankers.activate('shelf', base);
    await rankers.refresh();
    await expectLearned(`${base}+1`);
  });
});

describe('deltas that are withdrawn', () => {
  test('serve no longer, and none after them; those before do', async () => {
    const states: number[][] = [learned()];
    for (const n of [1, 2, 3]) {
      await learner.publish({ rows: { i0: [n, n] }, scale: n });
      states.push(learned());
    }
    await rankers.refresh();
    for (const through of [2, 0]) {
      await artifacts.withdraw('shelf', through, 'click is worse');
      await rankers.refresh();
      const { version, watch } = await ask();
      expect(version).toBe(through === 0 ? base : `${base}+${through}`);
      states[through]!.forEach((value, row) => expect(watch[row]).toBeCloseTo(value, 3));
    }
    await learner.publish({ rows: { i0: [4, 4] } });
    await rankers.refresh();
    expect((await ask()).version).toBe(base);
    expect((await status()).refusals?.slice(-2)).toMatchObject([
      { candidate: `${base}+3`, reason: 'click is worse' },
      { candidate: `${base}+1`, reason: 'click is worse' },
    ]);
    await rankers.activate('shelf', base);
    await rankers.refresh();
    await expectLearned(`${base}+4`);
  });

  test('with a rollback, the version before serves with its own', async () => {
    await learner.publish({ rows: { i0: [3, 3] } });
    await rankers.refresh();
    const next = await seal(3);
    await rankers.activate('shelf', next);
    expect((await ask()).version).toBe(next);
    await rankers.rollback('shelf');
    await rankers.refresh();
    await expectLearned(`${base}+1`);
  });
});

describe('freshness', () => {
  const observed = async (): Promise<number> =>
    Number(/watchnext_freshness_seconds_count\{ranker="shelf"\} (\d+)/.exec(await metrics.scrape())?.[1] ?? 0);

  test('is observed once, at the first scores of a model that learned from the feedback', async () => {
    now = 100_000;
    await learner.publish({ rows: { i0: [1, 1] }, feedbackTimes: [97_000, 99_000] });
    await rankers.refresh();
    expect(await observed()).toBe(0);
    now = 101_000;
    for (let n = 0; n < 3; n += 1) await ask();
    expect(await observed()).toBe(2);
    expect((await status()).freshness).toEqual({ p50Seconds: 2, p95Seconds: 4, samples: 2 });
    // Nobody asks for the next one: its feedback is first used by the one after it.
    await learner.publish({ rows: { i0: [2, 1] }, feedbackTimes: [100_000] });
    await rankers.refresh();
    await learner.publish({ rows: { i0: [3, 1] }, feedbackTimes: [101_000] });
    await rankers.refresh();
    now = 103_000;
    for (let n = 0; n < 3; n += 1) await ask();
    expect(await observed()).toBe(4);
    expect((await status()).freshness).toEqual({ p50Seconds: 2, p95Seconds: 4, samples: 4 });
  });

  test('does not count what was published before this service began to look', async () => {
    await learner.publish({ rows: { i0: [1, 1] }, feedbackTimes: [1], createdMs: Date.now() - 3_600_000 });
    await learner.publish({ rows: { i0: [2, 1] }, feedbackTimes: [2, 3] });
    await rankers.refresh();
    await ask();
    expect(await observed()).toBe(2);
  });
});
