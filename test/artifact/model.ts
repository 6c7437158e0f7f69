import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelParts, SealOptions } from '../../src/artifact/index.js';
import { parseDefinition } from '../../src/definition/index.js';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  type FeatureBatch,
  type RankingInput,
} from '../../src/features/index.js';
import { WatchnextError } from '../../src/errors.js';

export const definitionText = (name = 'tiny'): string => `
name: ${name}
features:
  user_id: {kind: id, scope: user, dim: 4}
  item_id: {kind: id, scope: candidate, dim: 3}
  length: {kind: number, scope: candidate}
  watched: {kind: history, scope: user, of: item_id, on: click, shares: item_id}
tasks:
  click: {kind: binary, label: is_click}
  watch: {kind: regression, label: seconds}
network: {kind: shared_bottom, bottom: [4]}
score: {form: sum, weights: {click: 1}}
`;

export const requests: readonly RankingInput[] = [
  { time: 1000, user: { user_id: 'u1' }, context: {}, candidates: [{ item_id: 'i1', length: 3 }, { item_id: 'i2' }] },
  { time: 2000, user: {}, context: {}, candidates: [{ item_id: 'unknown', length: 5 }] },
];

/** Stands for the network: any function of the batch will do. */
export function scoreOf(batch: FeatureBatch): { heads: Float32Array } {
  return { heads: Float32Array.from({ length: 2 * batch.rows }, (_, i) => (i % 2 === 0 ? 0.25 + i / 100 : 300 + i)) };
}

/** A whole model of the tiny definition; its graph is not ONNX, which sealing does not care about. */
export function tinyModel(name = 'tiny', graph = 'graph'): ModelParts {
  const definition = parseDefinition(definitionText(name));
  const state = createFeatureState(definition);
  const batch = createFeatureReader({ definition, state }).read(requests);
  const fitter = createTransformFitter(definition);
  fitter.observe(batch);
  const tables = new Map(
    [
      ['user_id', 4],
      ['item_id', 3],
    ].map(([table, dim]) => [table as string, new EmbeddingTable({ dim: dim as number, seed: 1 })]),
  );
  for (const [feature, table] of tables) {
    const column = batch.columns.get(feature);
    if (column?.type === 'keys') table.admit(column.keys, 0);
  }
  return {
    graph: Buffer.from(graph),
    parameters: fitter.finish(),
    tables,
    state: state.snapshot(),
    golden: { batch, heads: scoreOf(batch).heads },
  };
}

export const sealedAtMs = Date.UTC(2026, 3, 30, 23, 59, 59);

/** Options to seal the tiny model; `graph` tells versions apart. */
export function sealing(
  directory: string,
  { name = 'tiny', graph = 'graph', nowMs = sealedAtMs }: { name?: string; graph?: string; nowMs?: number } = {},
): SealOptions {
  const text = definitionText(name);
  return {
    directory,
    nowMs,
    model: tinyModel(name, graph),
    reports: new Map([['report.md', '# Report\n']]),
    facts: {
      definition: { text, value: parseDefinition(text) },
      graph: { opset: 18, inputs: [], outputs: [{ name: 'heads', dtype: 'float32', shape: ['rows', 2] }] },
      data: { from: '2026-04-01T00:00:00.000Z', until: '2026-04-30T00:00:00.000Z', rows: 3 },
      seed: 1,
      metrics: { click: { auc: 0.75 } },
      trainer: { engine: 'onnx' },
    },
  };
}

/** Runs with a fresh folder that is removed afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'artifact-'));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a call was refused with, as `code: message`. */
export async function refusal(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof WatchnextError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}
