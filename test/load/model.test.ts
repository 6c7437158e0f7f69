import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { networks, withNetwork } from '../../load-tests/growth/index.js';
import { createStandInLearner, prepareModel, type Prepared } from '../../load-tests/model/index.js';
import { openArtifacts, verifyGolden } from '../../src/artifact/index.js';
import { createEncoder, hashId } from '../../src/features/index.js';
import { openGraph } from '../../src/inference/index.js';
import { initialParameters } from '../../training/network/index.js';
import { loadRanker } from '../../src/definition/index.js';
import { inputLayout } from '../../src/features/index.js';
import { createNetwork } from '../../training/network/index.js';

let folder: string;
let prepared: Prepared;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-load-model-'));
  prepared = await prepareModel({
    ...{ folder, definition: 'models/kuairand/ranker.yaml' },
    ...{ users: 30, items: 1500, itemStride: 10, seed: 1 },
  });
});
afterAll(() => rm(folder, { recursive: true }));

/** Whether it scores its golden rows as it says. */
const check = async (reference: string): Promise<void> => {
  const artifact = await openArtifacts(prepared.models).load(prepared.ranker, reference);
  const { definition, parameters, tables, golden, graph } = artifact;
  const session = await openGraph(graph, 'cpu');
  const encoder = createEncoder({ definition, parameters, tables });
  try {
    const tasks = Object.keys(definition.tasks);
    await verifyGolden({ golden, tasks, score: (batch) => session.run(encoder.encode(batch)) });
  } finally {
    await session.release();
  }
};

describe('a prepared model', () => {
  test('is sealed and active, with a row for every item, those that nobody asks for too', async () => {
    const { manifest, tables } = await openArtifacts(prepared.models).load(prepared.ranker);
    expect(manifest.version).toBe(prepared.version);
    const keys = tables.get('video_id')!.contents().keys;
    const known = new Set(Array.from({ length: keys.length / 2 }, (_, at) => `${keys[2 * at]}-${keys[2 * at + 1]}`));
    for (const id of ['i0', 'i7', 'i14999']) expect(known.has([...hashId(id)].join('-'))).toBe(true);
    await check(prepared.version);
  });

  test('comes with everybody who will be asked for, in parts', () => {
    const ids = prepared.entities.flatMap(({ path, body }) =>
      (JSON.parse(body) as { id: string }[]).map(({ id }) => `${path} ${id}`),
    );
    expect(new Set(ids).size).toBe(1530);
    expect(ids).toEqual(expect.arrayContaining(['/v1/items i0', '/v1/items i14990', '/v1/users u29']));
    expect(ids).not.toContain('/v1/items i1');
  });
});

test('what stands for a learner publishes updates and versions that agree with their golden rows', async () => {
  const learner = await createStandInLearner({ models: prepared.models, ranker: prepared.ranker, seed: 2 });
  expect(await learner.publish()).toBe(`${prepared.version}+1`);
  expect(await learner.publish()).toBe(`${prepared.version}+2`);
  await check(`${prepared.version}+2`);
  const next = await learner.seal();
  expect(next).not.toBe(prepared.version);
  expect(await learner.publish()).toBe(`${next}+1`);
  await check(`${next}+1`);
});

test('networks grow from some 50 thousand to some 5 million parameters', async () => {
  const counts: number[] = [];
  for (const [at, network] of networks.entries()) {
    const { file, parameters } = await withNetwork('models/kuairand/ranker.yaml', network, join(folder, String(at)));
    counts.push(parameters);
    if (at > 0) continue;
    const { definition } = await loadRanker(file);
    const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
    const made = createNetwork({ definition: definition.network, tasks, ...inputLayout(definition) });
    const values = initialParameters(made, { next: () => 1 });
    expect([...values.values()].reduce((sum, { length }) => sum + length, 0)).toBe(parameters);
  }
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(counts[0]).toBeLessThan(70_000);
  expect(counts.at(-1)).toBeGreaterThan(4_500_000);
});
