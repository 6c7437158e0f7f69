import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts, verifyGolden, type LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { createFeatureReader, restoreFeatureState, type FeatureBatch } from '../../src/features/index.js';
import {
  collectExamples,
  createOnnxEngine,
  createTfjsNodeEngine,
  exportSelfContained,
  loadTfjsNode,
  openServedModel,
  resumeRanker,
  sealRanker,
  trainRanker,
  verifySelfContained,
  type EngineFactory,
} from '../../training/fit/index.js';
import { datasetOf, simulatedLog, smallRanker } from '../fit/world.js';

const treatments = {
  none: undefined,
  tower: { features: ['position', 'device'], positions: 3, dropout: 0.1 },
  input: { kind: 'input', features: ['position'], positions: 3, dropout: 0.1 },
  'input served as missing': {
    kind: 'input',
    features: ['position'],
    positions: 3,
    dropout: 0.1,
    serve_as: 'missing',
  },
  adversarial: { kind: 'adversarial', features: ['position'], positions: 3, weight: 0.5 },
} as const satisfies Record<string, RankerDefinition['bias']>;

const rankerWith = (bias: RankerDefinition['bias']): RankerDefinition => {
  const { name, features, tasks, network, score, training } = smallRanker({
    epochs: 2,
    optimizer: { kind: 'adam', rate: 0.003 },
    averaging: 0.9,
  });
  return {
    name,
    features,
    tasks,
    network,
    score,
    ...(bias === undefined ? {} : { bias }),
    ...(training && { training }),
  };
};

const log = simulatedLog();
const dataset = datasetOf(log);
const engines: [string, EngineFactory][] = [['onnx', createOnnxEngine]];
if ('backend' in (await loadTfjsNode())) engines.push(['tfjs-node', createTfjsNodeEngine]);

/** What every treatment of the position promises: it changes what is learned, and asks nothing of whoever serves. */
describe.each(
  engines.flatMap(([engine, create]) =>
    Object.entries(treatments).map(([name, bias]) => [name, engine, bias, create] as const),
  ),
)('the position as %s, on %s', (_, __, bias, engine) => {
  const definition = rankerWith(bias);
  let folder = '';
  let sealed: LoadedArtifact;
  let list: FeatureBatch;
  let scored: Float32Array;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'treatment-test-'));
    const examples = await collectExamples({ definition, dataset });
    const trained = await trainRanker({ definition, dataset, engine, examples });
    try {
      const { version } = await sealRanker({
        trained,
        directory: folder,
        definitionText: JSON.stringify(definition),
        sample: examples.sample,
        metrics: {},
      });
      sealed = await openArtifacts(folder).load('small', version, { training: true });
      // A request as the service reads it: no position is known, none is asked for.
      const { user, context, candidates } = log.at(-1)!;
      const state = restoreFeatureState(definition, sealed.state);
      list = createFeatureReader({ definition, state }).read([{ time: log.at(-1)!.time, user, context, candidates }]);
      scored = (await trained.score(list)).heads;
    } finally {
      await trained.close();
      await examples.close();
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is trained, sealed, and serves its golden rows', async () => {
    const served = await openServedModel(sealed);
    try {
      await verifyGolden({
        golden: sealed.golden,
        tasks: sealed.manifest.tasks.map(({ name }) => name),
        score: async (batch) => ({ heads: await served.score(batch) }),
      });
    } finally {
      await served.close();
    }
  });

  test('scores a request without positions as the trainer does', async () => {
    const served = await openServedModel(sealed);
    try {
      const heads = await served.score(list);
      heads.forEach((value, i) => expect(value / scored[i]!).toBeCloseTo(1, 4));
    } finally {
      await served.close();
    }
  });

  test('is exported as one file that scores alike', async () => {
    await verifySelfContained(sealed, exportSelfContained({ artifact: sealed }));
  });

  test('learns on from where it was sealed', async () => {
    const resumed = await resumeRanker({ artifact: sealed, engine });
    try {
      const before = await resumed.denseState();
      const rows = list.rows;
      const losses = await resumed.learn(
        {
          batch: list,
          labels: new Float32Array(rows * 2).fill(1),
          positions: Int32Array.from({ length: rows }, (_, row) => row + 1),
          times: Float64Array.of(log.at(-1)!.time),
        },
        { rateFactor: 1, seed: 1 },
      );
      expect(losses.length).toBe(2);
      expect(losses.every(Number.isFinite)).toBe(true);
      const after = await resumed.denseState();
      expect([...after.keys()]).toEqual([...before.keys()]);
      expect([...after].every(([name, values]) => values.some((v, i) => v !== before.get(name)![i]))).toBe(true);
    } finally {
      await resumed.close();
    }
  });
});
