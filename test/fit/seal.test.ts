import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts, type LoadedArtifact } from '../../src/artifact/index.js';
import { createFeatureReader, restoreFeatureState } from '../../src/features/index.js';
import {
  collectExamples,
  createOnnxEngine,
  exportSelfContained,
  openServedModel,
  sealRanker,
  servingGraph,
  scoreWithGraph,
  trainRanker,
  verifySelfContained,
  type ExampleLog,
  type TrainedRanker,
} from '../../training/fit/index.js';
import { datasetOf, simulatedLog, smallRanker } from './world.js';

const definition = smallRanker({
  epochs: 2,
  optimizer: { kind: 'adam', rate: 0.003 },
  averaging: 0.9,
  reinitialise_embeddings: true,
});
const log = simulatedLog();
const dataset = datasetOf(log);

let folder = '';
let examples: ExampleLog;
let trained: TrainedRanker;
let sealed: LoadedArtifact;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seal-test-'));
  examples = await collectExamples({ definition, dataset });
  trained = await trainRanker({ definition, dataset, engine: createOnnxEngine, examples });
  const { version } = await sealRanker({
    trained,
    directory: folder,
    definitionText: JSON.stringify(definition),
    sample: examples.sample,
    metrics: { click: { auc: 0.75 } },
    report: (utilisation) => ({
      markdown: `experts: ${JSON.stringify(utilisation)}`,
      plots: new Map([['plot.svg', '<svg/>']]),
    }),
    gitCommit: 'c0ffee',
    nowMs: Date.UTC(2024, 1, 1),
  });
  sealed = await openArtifacts(folder).load('small', version);
});
afterAll(async () => {
  await trained.close();
  await examples.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a sealed ranker', () => {
  test('says what it is and where it comes from', () => {
    const { manifest, definition: loaded, reports } = sealed;
    expect(loaded).toEqual(definition);
    expect(manifest).toMatchObject({
      ranker: 'small',
      seed: 1,
      metrics: { click: { auc: 0.75 } },
      gitCommit: 'c0ffee',
      trainer: { engine: 'onnx', rows: examples.spool.rows, examples: 2 * examples.spool.rows },
      data: { from: new Date(log[0]!.time).toISOString(), until: new Date(log.at(-1)!.time).toISOString() },
    });
    expect([...reports.keys()].sort()).toEqual(['plot.svg', 'report.md']);
  });

  test('says what was usual of its heads and features on the last rows it was trained on', async () => {
    const { profile } = sealed.manifest;
    const { recent } = trained;
    expect(profile).toMatchObject({ rows: recent.rows });
    expect(recent.rows).toBeGreaterThan(500);
    expect(Object.keys(profile!.heads)).toEqual(Object.keys(definition.tasks));
    expect(Object.keys(profile!.features)).toEqual([...recent.columns.keys()]);
    const { heads } = await trained.score(recent);
    const tasks = Object.keys(definition.tasks).length;
    const first = heads.filter((_, at) => at % tasks === 0).sort();
    const [task = ''] = Object.keys(definition.tasks);
    const { mean, bounds, least, greatest } = profile!.heads[task]!;
    expect(mean).toBeCloseTo(first.reduce((sum, value) => sum + value, 0) / first.length, 5);
    expect(bounds[4]).toBeCloseTo(first[Math.floor(first.length / 2)]!, 2);
    expect([least, greatest]).toEqual([expect.closeTo(first[0]!, 5), expect.closeTo(first.at(-1)!, 5)]);
  });

  test('its golden rows hold the edges: nothing known, ids never seen, one candidate, a long list', () => {
    const { batch, heads } = sealed.golden;
    const sizes = new Array<number>(batch.requests).fill(0);
    batch.requestOf.forEach((request) => sizes[request]!++);
    expect(Math.min(...sizes)).toBe(1);
    expect(Math.max(...sizes)).toBe(200);
    expect(batch.requests).toBeGreaterThanOrEqual(20);
    const users = batch.columns.get('user_id')!;
    if (users.type !== 'keys') throw new Error('ids are keys');
    expect(sizes.filter((_, request) => users.offsets[request] === users.offsets[request + 1]).length).toBeGreaterThan(
      1,
    );
    const known = new Set([...sealed.tables.get('user_id')!.contents().keys].map(String));
    expect([...users.keys].some((key) => !known.has(String(key)))).toBe(true);
    const lengths = batch.columns.get('length')!;
    expect(lengths.type === 'numbers' && lengths.values.some((value) => Number.isNaN(value))).toBe(true);
    expect(heads.every(Number.isFinite)).toBe(true);
  });

  test('scores with the averaged weights, as the trainer does', async () => {
    const { heads } = await trained.score(trained.recent);
    const served = await scoreWithGraph(
      trained,
      await servingGraph(trained, { sample: () => trained.recent }),
      trained.recent,
    );
    heads.forEach((head, at) => expect(Math.abs(served.heads[at]! - head)).toBeLessThan(1e-5 * Math.max(1, head)));
    expect(sealed.tables.get('item_id')!.contents()).toEqual(trained.tables().get('item_id')!.contents());
  });

  test('takes over the feature state where training left it', () => {
    const next = { ...log[0]!, time: log.at(-1)!.time + 1 };
    const state = restoreFeatureState(definition, sealed.state);
    const reread = createFeatureReader({ definition, state }).read([next]);
    expect(reread).toEqual(trained.reader.read([next]));
    const rates = reread.columns.get('rate')!;
    expect(rates.type === 'numbers' && rates.values.some((value) => value !== 0)).toBe(true);
  });

  test('knows how much each task relies on each expert: shares that add up to one', () => {
    const { utilisation } = sealed.manifest.trainer as { utilisation: number[][] };
    expect(utilisation.length).toBe(2);
    for (const shares of utilisation) {
      expect(shares.length).toBe(2);
      expect(shares[0]! + shares[1]!).toBeCloseTo(1, 5);
    }
    expect(new TextDecoder().decode(sealed.reports.get('report.md'))).toBe(`experts: ${JSON.stringify(utilisation)}`);
  });
});

describe('a ranker that is served in int8', () => {
  const network = { ...definition.network, precision: 'int8' as const };
  let small: LoadedArtifact;
  beforeAll(async () => {
    const { version } = await seal({ ...trained, definition: { ...definition, network } });
    small = await openArtifacts(folder).load('small', version);
  });

  const seal = (ranker: TrainedRanker): Promise<{ version: string }> =>
    sealRanker({
      trained: ranker,
      directory: folder,
      definitionText: JSON.stringify(ranker.definition),
      sample: examples.sample,
      metrics: {},
      gitCommit: 'c0ffee',
      nowMs: Date.UTC(2024, 1, 2),
    });

  test('has golden rows with what its graph says, near what its trainer says', async () => {
    const { heads } = small.golden;
    const differences = sealed.golden.heads.map((head, at) => Math.abs(heads[at]! - head) / Math.max(1, head));
    expect(Math.max(...differences)).toBeLessThan(0.05);
    expect(Math.max(...differences)).toBeGreaterThan(1e-5);
    const served = await openServedModel(small);
    const again = await served.score(small.golden.batch);
    await served.close();
    expect(again).toEqual(heads);
  });

  test('can be exported as one file that agrees with them', async () => {
    const bytes = exportSelfContained({ artifact: small });
    await verifySelfContained(small, bytes);
    const withHeads = (by: number): LoadedArtifact => ({
      ...small,
      golden: { ...small.golden, heads: small.golden.heads.map((head) => head + by) },
    });
    // One step of a rounded value, where a mean differs in its last bit.
    await verifySelfContained(withHeads(0.001), bytes);
    await expect(verifySelfContained(withHeads(0.1), bytes)).rejects.toMatchObject({ code: 'artifact_damaged' });
  });

  test('is sealed whatever the unit of a regression: by it alone heads would be thousands apart', async () => {
    const unit = { transform: 'none' as const, mean: 0, deviation: 30_000 };
    const scaling = trained.labelScaling.map((task) => (task.kind === 'regression' ? { ...task, ...unit } : task));
    const inItsUnit = (head: number, at: number): number => {
      const { kind, mean, deviation } = trained.labelScaling[at % scaling.length]!;
      return kind === 'binary' ? head : unit.mean + (unit.deviation * (Math.log1p(head) - mean)) / deviation;
    };
    const { version } = await seal({
      ...trained,
      definition: { ...definition, network },
      labelScaling: scaling,
      score: async (batch) => ({ heads: (await trained.score(batch)).heads.map(inItsUnit) }),
    });
    const { heads } = (await openArtifacts(folder).load('small', version)).golden;
    const apart = sealed.golden.heads.map((head, at) => Math.abs(heads[at]! - inItsUnit(head, at)));
    expect(Math.max(...apart)).toBeGreaterThan(20);
  });

  test('keeps apart the values of a number that is far from zero, as years are, of which a golden row has the opposite', async () => {
    const dated = {
      ...definition,
      network,
      features: { ...definition.features, year: { kind: 'number' as const, scope: 'candidate' as const } },
    };
    const withYears = datasetOf(
      log.map((request) => ({
        ...request,
        candidates: request.candidates.map((candidate, row) => ({
          ...candidate,
          // What is clicked is a year younger.
          year: 2010 + (row % 5) + (request.labels[0]?.[row] === 1 ? 1 : 0),
        })),
      })),
    );
    const own = await collectExamples({ definition: dated, dataset: withYears });
    const ranker = await trainRanker({
      definition: dated,
      dataset: withYears,
      engine: createOnnxEngine,
      examples: own,
    });
    try {
      const { version } = await sealRanker({
        trained: ranker,
        directory: folder,
        definitionText: JSON.stringify(dated),
        sample: own.sample,
        metrics: {},
        gitCommit: 'c0ffee',
        nowMs: Date.UTC(2024, 1, 3),
      });
      const served = await openServedModel(await openArtifacts(folder).load('small', version));
      const [exact, found] = [(await ranker.score(ranker.recent)).heads, await served.score(ranker.recent)];
      await served.close();
      const apart = [...exact].flatMap((head, at) => (at % 2 === 0 ? [Math.abs(found[at]! - head)] : []));
      expect(apart.reduce((sum, each) => sum + each, 0) / (exact.length / 2)).toBeLessThan(0.005);
      expect(Math.max(...exact.filter((_, at) => at % 2 === 0))).toBeGreaterThan(0.5);
    } finally {
      await ranker.close();
      await own.close();
    }
  });

  test('is not sealed when its graph says something else than its trainer', async () => {
    const turned: TrainedRanker = {
      ...trained,
      definition: { ...definition, network },
      score: async (batch) => ({ heads: (await trained.score(batch)).heads.map((head) => 1 - head) }),
    };
    await expect(seal(turned)).rejects.toMatchObject({
      code: 'artifact_damaged',
      message: expect.stringMatching(
        /^In int8 the network says something else than in float32: \w+ is [\d.]+, its trainer says/,
      ),
    });
  });
});

describe('training on ONNX Runtime', () => {
  const noisy = { ...definition, network: { ...definition.network, dropout: 0.2, gate_dropout: 0.1 } };

  async function bits(run: Partial<Parameters<typeof trainRanker>[0]> = {}): Promise<string> {
    const ranker = await trainRanker({ definition: noisy, dataset, engine: createOnnxEngine, examples, ...run });
    try {
      const dense = [...(await ranker.denseState()).values()].map(({ buffer }) => Buffer.from(buffer));
      const tables = [...ranker.tables().values()].map((table) => table.serialise({ training: false }));
      return Buffer.concat([...dense, ...tables]).toString('base64');
    } finally {
      await ranker.close();
    }
  }

  test('ends in the same bits twice, and after an interruption', async () => {
    const whole = await bits();
    expect(await bits()).toBe(whole);
    const abort = new AbortController();
    let steps = 0;
    const stopped = bits({
      checkpointDirectory: folder,
      signal: abort.signal,
      onProgress: ({ phase }) => {
        if (phase === 'training' && ++steps === 15) abort.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'training_stopped' });
    expect(await bits({ checkpointDirectory: folder })).toBe(whole);
  });
});
