import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openArtifacts, sealArtifact, type LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createEncoder,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  embeddingLookups,
  inputLayout,
  type FeatureBatch,
  type RankingInput,
} from '../../src/features/index.js';
import { decodeModel } from '../../training/compile/index.js';
import { compileServingGraph } from '../../training/fit/engine/index.js';
import { exportSelfContained, verifySelfContained } from '../../training/fit/export-self-contained.js';
import { SeededRandom } from '../../training/fit/random.js';
import { selfContainedFeeds } from '../../training/fit/self-contained-inputs.js';
import { createNetwork, initialParameters } from '../../training/network/index.js';

const base: Pick<RankerDefinition, 'tasks' | 'network' | 'score'> = {
  tasks: {
    click: { kind: 'binary', label: 'clicked' },
    watch: { kind: 'regression', label: 'seconds', transform: 'log1p' },
  },
  network: { kind: 'mmoe', experts: 2, expert_layers: [8], towers: [4] },
  score: { form: 'sum', weights: { click: 1 } },
};

const definitions: Record<string, RankerDefinition> = {
  'ids, lists and dense columns between them on both sides': {
    ...base,
    name: 'mixed',
    features: {
      device: { kind: 'category', scope: 'context', values: ['phone', 'tv'] },
      user_id: { kind: 'id', scope: 'user', dim: 4 },
      hour: { kind: 'time', scope: 'context', unit: 'hour_of_day' },
      tags: { kind: 'ids', scope: 'user', dim: 3, last: 5 },
      liked: { kind: 'ids', scope: 'user', shares: 'item_id' },
      length: { kind: 'number', scope: 'candidate' },
      item_id: { kind: 'id', scope: 'candidate', dim: 5 },
      genre: { kind: 'category', scope: 'candidate', dim: 2 },
      age: { kind: 'number', scope: 'candidate', encode: 'raw' },
    },
  },
  'nothing about the request, as in a table of rows': {
    ...base,
    name: 'rows',
    network: { kind: 'shared_bottom', bottom: [6] },
    features: {
      item_id: { kind: 'id', scope: 'candidate', dim: 4 },
      length: { kind: 'number', scope: 'candidate' },
    },
  },
  'no embeddings at all': {
    ...base,
    name: 'dense',
    features: {
      device: { kind: 'category', scope: 'context', values: ['phone', 'tv'] },
      length: { kind: 'number', scope: 'candidate' },
    },
  },
};

const request = (index: number): RankingInput => ({
  time: 1_700_000_000_000 + index * 3_600_000,
  user: {
    user_id: `u${index % 7}`,
    tags: ['a', 'b', `t${index}`].slice(index % 4),
    liked: ['i1', `i${index}`, 'never'],
  },
  context: { device: index % 2 === 0 ? 'phone' : 'tv' },
  candidates: Array.from({ length: 1 + (index % 4) }, (_, i) => ({
    item_id: `i${index * 3 + i}`,
    genre: `g${i}`,
    length: index + i,
    age: i,
  })),
});
const known = Array.from({ length: 40 }, (_, index) => request(index));
const edges: RankingInput[] = [
  { time: known.at(-1)!.time, user: {}, context: {}, candidates: [{}, { item_id: 'never seen' }, { item_id: 'i5' }] },
  { time: known.at(-1)!.time, user: { user_id: 'stranger', tags: [] }, context: {}, candidates: [{ genre: 'g1' }] },
];

/** A sealed and loaded version with random weights. With `admitted` 0 its tables are empty. */
async function artifactOf(definition: RankerDefinition, { admitted = Infinity } = {}): Promise<LoadedArtifact> {
  const layout = inputLayout(definition);
  const reader = createFeatureReader({ definition, state: createFeatureState(definition) });
  const learned = reader.read(known);
  const fitter = createTransformFitter(definition);
  fitter.observe(learned);
  const parameters = fitter.finish();
  const init = { kind: 'normal', deviation: 1 } as const;
  const tables = new Map(layout.tables.map(({ name, dim }) => [name, new EmbeddingTable({ dim, seed: 3, init })]));
  for (const { slot, keys } of embeddingLookups(layout, learned)) {
    tables.get(slot.table ?? '')?.admit(keys.subarray(0, 2 * Math.min(admitted, keys.length / 2)), 0);
  }
  const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
  const network = createNetwork({ definition: definition.network, tasks, ...layout });
  const weights = initialParameters(network, new SeededRandom(5));
  const graph = compileServingGraph({
    definition,
    layout,
    scaling: tasks.map(({ name, task }) => ({
      name,
      kind: task.kind,
      transform: task.transform ?? 'none',
      mean: task.kind === 'binary' ? 0.5 : 2,
      deviation: 1,
      weight: 1,
    })),
    state: new Map([...weights].map(([name, values]) => [`parameters/${name}`, values])),
  });
  const batch = reader.read([...known.slice(0, 12), ...edges]);
  const encoded = createEncoder({ definition, parameters, tables }).encode(batch);
  const heads = await run(graph.bytes, {
    request: new Tensor('float32', encoded.request, [batch.requests, layout.requestWidth]),
    candidate: new Tensor('float32', encoded.candidate, [batch.rows, layout.candidateWidth]),
    request_of: new Tensor('int32', batch.requestOf.slice(), [batch.rows]),
  });
  const directory = await mkdtemp(join(tmpdir(), 'self-contained-'));
  try {
    const { version } = await sealArtifact({
      directory,
      nowMs: 0,
      facts: {
        definition: { text: JSON.stringify(definition), value: definition },
        graph: { opset: graph.opset, inputs: [], outputs: [] },
        data: { from: new Date(0).toISOString(), until: new Date(1).toISOString(), rows: learned.rows },
        seed: 1,
        metrics: {},
        trainer: {},
      },
      model: { graph: graph.bytes, parameters, tables, state: new Uint8Array(8), golden: { batch, heads } },
    });
    return await openArtifacts(directory).load(definition.name, version);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function run(bytes: Uint8Array, feeds: Record<string, Tensor>): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const { heads } = await session.run(feeds);
  await session.release();
  return heads?.data as Float32Array;
}

async function runSelfContained(artifact: LoadedArtifact, batch: FeatureBatch): Promise<Float32Array> {
  const feeds = [...selfContainedFeeds(artifact, batch)].map(
    ([name, { dtype, values, dims }]) => [name, new Tensor(dtype, values as Float32Array, dims)] as const,
  );
  return run(exportSelfContained({ artifact }), Object.fromEntries(feeds));
}

describe('a self-contained file', () => {
  test.each(Object.entries(definitions))('gives the heads of the normal path: %s', async (_, definition) => {
    const artifact = await artifactOf(definition);
    const { batch, heads } = artifact.golden;
    const got = await runSelfContained(artifact, batch);
    expect(got.length).toBe(heads.length);
    heads.forEach((expected, i) => expect(Math.abs(got[i]! - expected) / Math.max(1, expected)).toBeLessThan(1e-6));
    expect(new Set(heads).size).toBeGreaterThan(heads.length / 2);
    await verifySelfContained(artifact, exportSelfContained({ artifact }));
  });

  test.each([0, 1, 2, 3])('finds every id of a table with %d rows, and no other', async (admitted) => {
    const artifact = await artifactOf(definitions['nothing about the request, as in a table of rows']!, { admitted });
    expect(artifact.tables.get('item_id')!.size).toBe(admitted);
    const got = await runSelfContained(artifact, artifact.golden.batch);
    artifact.golden.heads.forEach((expected, i) => expect(got[i]).toBeCloseTo(expected, 5));
  });

  test('is refused when it does not score its golden rows', async () => {
    const artifact = await artifactOf(definitions['no embeddings at all']!);
    const heads = artifact.golden.heads.map((value) => value + 0.1);
    const bytes = exportSelfContained({ artifact });
    await expect(verifySelfContained({ ...artifact, golden: { ...artifact.golden, heads } }, bytes)).rejects.toThrow(
      /golden.bin row 0 head click/,
    );
  });

  test('uses standard operators only, declares its inputs and says what feeds them', async () => {
    const artifact = await artifactOf(Object.values(definitions)[0]!);
    const model = decodeModel(exportSelfContained({ artifact }));
    expect(model.opsetImport.map(({ domain }) => domain)).toEqual(['']);
    expect(model.graph.node.every(({ domain }) => (domain ?? '') === '')).toBe(true);
    expect(model.graph.input.map(({ name }) => name).sort()).toEqual(
      ['candidate_dense', 'genre', 'item_id', 'liked', 'request_dense', 'request_of', 'tags', 'user_id'].sort(),
    );
    const names = [
      ...model.graph.node.flatMap(({ output }) => output),
      ...model.graph.initializer.map(({ name }) => name),
    ];
    expect(new Set(names).size).toBe(names.length);
    const metadata = new Map(model.metadataProps.map(({ key, value }) => [key, value]));
    expect(JSON.parse(metadata.get('watchnext.tasks')!)).toEqual(['click', 'watch']);
    const inputs = JSON.parse(metadata.get('watchnext.inputs')!) as { name: string; features: { feature: string }[] }[];
    const dense = inputs.find(({ name }) => name === 'candidate_dense');
    expect(dense?.features.map(({ feature }) => feature)).toEqual(['length', 'age']);
    expect(JSON.parse(metadata.get('watchnext.features')!)).toEqual(artifact.parameters);
  });
});
