import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts, type LoadedArtifact } from '../../src/artifact/index.js';
import { createFeatureReader, createFeatureState } from '../../src/features/index.js';
import {
  collectExamples,
  createOnnxEngine,
  resumeRanker,
  sealRanker,
  trainRanker,
  type EngineFactory,
  type Examples,
  type ResumedRanker,
} from '../../training/fit/index.js';
import { replay } from '../../training/fit/replay.js';
import { LinearEngine } from './linear-engine.js';
import { datasetOf, simulatedLog, smallRanker } from './world.js';

const definition = smallRanker({
  optimizer: { kind: 'adam', rate: 0.003 },
  embeddings: { kind: 'lazy_adam', rate: 0.01 },
});
const linear: EngineFactory = (options) => Promise.resolve(new LinearEngine(options));

let folder = '';
let artifact: LoadedArtifact;
let batches: Examples[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resumed-test-'));
  artifact = await sealed(createOnnxEngine);
  batches = await examplesOf(simulatedLog({ requests: 60, seed: 99 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Trains a little, learns a little more and seals; the golden rows are scored by the graph itself. */
async function sealed(engine: EngineFactory): Promise<LoadedArtifact> {
  const dataset = datasetOf(simulatedLog({ requests: 80 }));
  const examples = await collectExamples({ definition, dataset });
  const trained = await trainRanker({ definition, dataset, engine, examples });
  try {
    const { version } = await sealRanker({
      trained,
      directory: folder,
      definitionText: JSON.stringify(definition),
      sample: examples.sample,
      metrics: {},
      gitCommit: 'c0ffee',
    });
    return await openArtifacts(folder).load('small', version, { training: true });
  } finally {
    await trained.close();
    await examples.close();
  }
}

async function examplesOf(log: ReturnType<typeof simulatedLog>): Promise<Examples[]> {
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const found: Examples[] = [];
  for await (const part of replay({ definition, dataset: datasetOf(log), state, reader, range: {}, blockRows: 50 })) {
    found.push(part);
  }
  return found;
}

const rates = { rateFactor: 0.7 };
async function learnAll(ranker: ResumedRanker, from: number, until = batches.length): Promise<void> {
  for (let i = from; i < until; i++) {
    const { batch, times } = batches[i]!;
    ranker.admit(batch, times.at(-1)!);
    await ranker.learn(batches[i]!, { ...rates, seed: i });
  }
}

async function bitsOf(ranker: ResumedRanker): Promise<string> {
  const { dense, tables } = await ranker.trainingState();
  return Buffer.concat(
    [...dense.values(), ...tables.values()].map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)),
  ).toString('base64');
}

async function using<T>(
  use: (ranker: ResumedRanker) => Promise<T>,
  engine: EngineFactory = createOnnxEngine,
): Promise<T> {
  const ranker = await resumeRanker({ artifact, engine });
  try {
    return await use(ranker);
  } finally {
    await ranker.close();
  }
}

describe('a sealed version that learns on', () => {
  test('says on the golden rows what was sealed', () =>
    using(async (ranker) => {
      const { heads } = await ranker.score(artifact.golden.batch);
      expect(heads.length).toBe(artifact.golden.heads.length);
      heads.forEach((value, i) => expect(Math.abs(value - artifact.golden.heads[i]!)).toBeLessThan(1e-6));
    }));

  test('has the bits it was sealed with, moves when it learns, and gives them back when restored', () =>
    using(async (ranker) => {
      const before = await ranker.trainingState();
      const bits = await bitsOf(ranker);
      const sealedTables = [...artifact.training!].filter(([name]) => name.endsWith('.table'));
      for (const [name, bytes] of sealedTables) {
        expect(Buffer.from(before.tables.get(name.slice(0, -6))!).equals(bytes)).toBe(true);
      }
      await learnAll(ranker, 0);
      expect(await bitsOf(ranker)).not.toBe(bits);
      await ranker.restore(before);
      expect(await bitsOf(ranker)).toBe(bits);
    }));

  test('ends in the same bits when it is interrupted and goes on in another process’s place', () =>
    using(async (whole) => {
      await learnAll(whole, 0);
      const half = Math.floor(batches.length / 2);
      const state = await using(async (first) => {
        await learnAll(first, 0, half);
        return first.trainingState();
      });
      await using(async (second) => {
        await second.restore(state);
        await learnAll(second, half);
        expect(await bitsOf(second)).toBe(await bitsOf(whole));
      });
    }));

  test('learns new ids and drops those that were not seen for long', () =>
    using((ranker) => {
      const sizes = (): number => [...ranker.learningTables().values()].reduce((sum, { size }) => sum + size, 0);
      const before = sizes();
      const batch = createFeatureReader({ definition, state: createFeatureState(definition) }).read([
        { time: 1, user: { user_id: 'new' }, context: {}, candidates: [{ item_id: 'newer' }] },
      ]);
      ranker.admit(batch, 1);
      expect(sizes()).toBe(before + 2);
      // No table of this ranker expires.
      expect(ranker.expire(1e15)).toBe(0);
      return Promise.resolve();
    }));

  test('weights on labels scale what they teach: none teach nothing', async () => {
    const first = batches[0]!;
    const lossOf = (factor: number): Promise<Float32Array> =>
      using((ranker) => {
        const weights = new Float32Array(first.labels.length).fill(factor);
        return ranker.learn({ ...first, weights }, { ...rates, seed: 1 });
      });
    const [once, twice, never] = [await lossOf(1), await lossOf(2), await lossOf(0)];
    once.forEach((loss, task) => expect(twice[task]! / loss).toBeCloseTo(2, 4));
    expect([...never]).toEqual([0, 0]);
  });

  test('needs what was sealed for it', async () => {
    const version = artifact.manifest.version;
    const serving = await openArtifacts(folder).load('small', version);
    const without = resumeRanker({ artifact: serving, engine: linear });
    await expect(without).rejects.toMatchObject({ code: 'artifact_missing' });
    await expect(without).rejects.toThrow(/sealed without what learning goes on from/);
  });
});
