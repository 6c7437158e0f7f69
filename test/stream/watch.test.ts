import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openArtifacts, type Artifacts } from '../../src/artifact/index.js';
import {
  collectExamples,
  createOnnxEngine,
  mixSeeds,
  openServedModel,
  sealRanker,
  trainRanker,
} from '../../training/fit/index.js';
import { createWatch, createWindows, type JudgedRows, type Windows } from '../../training/stream/index.js';
import { datasetOf, hourMs, simulatedLog, worldStart } from '../fit/world.js';
import { definition } from './gate-world.js';

const log = simulatedLog({ requests: 1200 });
const trainedUntil = worldStart + 800 * hourMs;
const ranker = definition.name;

let shelf = '';
let directory = '';
let artifacts: Artifacts;
/** One learned what people do, one what a coin does. */
let good = '';
let bad = '';
/** What came after training, with what the good version says as the learner's predictions. */
let rows: JudgedRows;

beforeAll(async () => {
  shelf = await mkdtemp(join(tmpdir(), 'watch-shelf-'));
  good = await seal(log, Date.UTC(2024, 2, 1));
  bad = await seal(log.map(byCoin), Date.UTC(2024, 2, 2));
});
afterAll(() => rm(shelf, { recursive: true, force: true }));

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watch-'));
  artifacts = openArtifacts(directory);
  for (const version of [good, bad]) await artifacts.publish(join(shelf, ranker, version));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Clicks that say nothing. */
function byCoin(request: (typeof log)[number], index: number): typeof request {
  const [clicks, seconds] = request.labels as [Float32Array, Float32Array];
  return { ...request, labels: [clicks.map((_, row) => mixSeeds(index, row) % 2), seconds] };
}

async function seal(requests: typeof log, nowMs: number): Promise<string> {
  const dataset = datasetOf(requests);
  const examples = await collectExamples({ definition, dataset, range: { until: trainedUntil } });
  const trained = await trainRanker({ definition, dataset, engine: createOnnxEngine, examples, until: trainedUntil });
  try {
    if (requests === log) rows = await later(trained);
    const { sample } = examples;
    const definitionText = JSON.stringify(definition);
    return (await sealRanker({ trained, directory: shelf, definitionText, sample, metrics: {}, nowMs })).version;
  } finally {
    await trained.close();
    await examples.close();
  }
}

async function later(trained: Awaited<ReturnType<typeof trainRanker>>): Promise<JudgedRows> {
  for await (const { batch, times, labels, heads } of trained.predict({ from: trainedUntil })) {
    return { batch, times, labels, predicted: heads, served: heads, versions: [], arms: [...times].map(() => []) };
  }
  throw new Error('nothing was logged later');
}

/** Windows in which all of the later rows were served by one version. */
async function servedBy(version: string): Promise<Windows> {
  const model = await openServedModel(await artifacts.load(ranker, version));
  const windows = createWindows({ definition });
  windows.add({ ...rows, served: await model.score(rows.batch), versions: [...rows.times].map(() => version) });
  await model.close();
  return windows;
}

/** An update of the good version that turns its dense weights into those of the bad one. */
async function publishBadUpdate(): Promise<string> {
  const [{ graph }, { parameters, tables, golden, definition: own }] = [
    await artifacts.load(ranker, bad),
    await artifacts.load(ranker, good),
  ];
  const model = await openServedModel({ definition: own, graph, parameters, tables });
  const heads = await model.score(golden.batch);
  await model.close();
  const { sequence, hash } = await artifacts.endOfChain(ranker, good);
  return artifacts.publishDelta({
    ranker,
    base: good,
    sequence: sequence + 1,
    previous: hash,
    createdMs: 0,
    graph,
    tables: new Map(),
    golden: { batch: golden.batch, heads },
    learned: { until: 0, rows: 0, feedbackTimes: new Float64Array() },
  });
}

const activeNow = async () => (await artifacts.list()).find((one) => one.ranker === ranker)!;

describe('a version that serves', () => {
  test('is gone back from, once and with the reason, when the one before would have been better', async () => {
    await artifacts.activate(ranker, good);
    await artifacts.activate(ranker, bad);
    const watch = createWatch({ definition, artifacts });
    const windows = await servedBy(bad);
    const retreat = await watch.check(windows);
    expect(retreat).toMatchObject({ from: bad, to: good });
    expect(retreat!.reason).toMatch(/^50\d rows that .* served, against .*: click 0\.\d+, lower by 0\.\d+ ±0\.\d+/);
    const { active, refused } = await activeNow();
    expect(active).toBe(good);
    expect(refused).toMatchObject([{ candidate: bad, reason: retreat!.reason }]);
    expect(await watch.check(windows)).toBeUndefined();
    await watch.close();
  });

  test('stays when it is the better one', async () => {
    await artifacts.activate(ranker, bad);
    await artifacts.activate(ranker, good);
    const watch = createWatch({ definition, artifacts });
    expect(await watch.check(await servedBy(good))).toBeUndefined();
    expect((await activeNow()).active).toBe(good);
    await watch.close();
  });

  test('stays while few rows speak against it', async () => {
    await artifacts.activate(ranker, good);
    await artifacts.activate(ranker, bad);
    const watch = createWatch({ definition, artifacts });
    const few = (await servedBy(bad)).newest(400);
    expect(await watch.check({ newest: () => few })).toBeUndefined();
    expect((await activeNow()).active).toBe(bad);
    await watch.close();
  });

  test('is not held against others’ rows', async () => {
    await artifacts.activate(ranker, good);
    await artifacts.activate(ranker, bad);
    const watch = createWatch({ definition, artifacts });
    expect(await watch.check(await servedBy(good))).toBeUndefined();
    await watch.close();
  });
});

describe('updates of a version', () => {
  test('are withdrawn, once and with the reason, when the version as it was sealed would have been better', async () => {
    await artifacts.activate(ranker, good);
    const watch = createWatch({ definition, artifacts });
    const updated = await publishBadUpdate();
    const windows = await servedBy(updated);
    const retreat = await watch.check(windows);
    expect(retreat).toMatchObject({ from: updated, to: good });
    expect(await activeNow()).toMatchObject({ active: good, through: 0, refused: [{ reason: retreat!.reason }] });
    expect(await watch.check(windows)).toBeUndefined();
    await watch.close();
  });

  test('that were withdrawn do not speak for the version: what is gone back to is what was sealed', async () => {
    await artifacts.activate(ranker, good);
    await publishBadUpdate();
    await artifacts.withdraw(ranker, 0, 'worse');
    await artifacts.activate(ranker, bad);
    const watch = createWatch({ definition, artifacts });
    const retreat = await watch.check(await servedBy(bad));
    expect(retreat!.to).toBe(good);
    expect(retreat!.reason).toContain(`against ${good} on the same`);
    await watch.close();
  });
});
