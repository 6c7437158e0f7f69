import { sealArtifact } from '../../src/artifact/index.js';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createEncoder,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  hashId,
  type FeatureBatch,
  type FeatureReader,
} from '../../src/features/index.js';
import type { LoadableModel } from '../../src/inference/index.js';
import { encodeModel, GraphBuilder } from '../../training/compile/index.js';
import { shelf, shelfText } from '../ranking/shelf.js';

const definition = shelf();

const shelfReader = (): FeatureReader => createFeatureReader({ definition, state: createFeatureState(definition) });

/** One list: taste 0.5 on a phone, candidates i0, i1, … with these qualities. */
export const shelfBatch = (qualities: readonly number[]): FeatureBatch =>
  shelfReader().read([
    {
      time: 1000,
      user: { taste: 0.5 },
      context: { device: 'phone' },
      candidates: qualities.map((quality, index) => ({ item_id: `i${index}`, quality })),
    },
  ]);

/**
 * A serving graph that can be worked out by hand. With x the sum of all encoded inputs of a row:
 * click = sigmoid(scale · x), watch = scale · x, and for mmoe-like answers gates of 0.25 and 0.75.
 */
export const shelfModel = (options: { scale?: number; gates?: boolean } = {}): LoadableModel => ({
  definition,
  parameters: fitted(),
  tables: new Map([['item_id', itemTable().share()]]),
  graph: sumGraph(options.scale ?? 1, options.gates ?? false),
});

const fitted = (): LoadableModel['parameters'] => {
  const fitter = createTransformFitter(definition);
  fitter.observe(shelfBatch([1, 2, 3]));
  return fitter.finish();
};

const itemTable = (): EmbeddingTable => {
  const table = new EmbeddingTable({ dim: 2, seed: 1 });
  table.admit(Uint32Array.from([...hashId('i0'), ...hashId('i1')]), 0);
  return table;
};

/** Seals a version of the shelf and answers its name. `error` is added to its golden rows: it then must not serve. */
export const sealShelf = async (
  directory: string,
  options: {
    scale?: number;
    error?: number;
    nowMs?: number;
    graph?: Uint8Array;
    /** Of its YAML, where neither features nor tasks change. */
    edit?: Parameters<typeof shelfText>[0];
  } = {},
): Promise<string> => {
  const { scale = 1, error = 0, nowMs = Date.UTC(2026, 0, 1) } = options;
  const parameters = fitted();
  const tables = new Map([['item_id', itemTable()]]);
  const batch = shelfBatch([1, 2, 30]);
  const heads = shelfHeads(batch, { scale, error, table: tables.get('item_id')! });
  const sealed = await sealArtifact({
    directory,
    nowMs,
    model: {
      graph: options.graph ?? sumGraph(scale, false),
      parameters,
      tables,
      state: createFeatureState(definition).snapshot(),
      golden: { batch, heads },
    },
    facts: {
      definition: { text: shelfText(options.edit), value: shelf(options.edit) },
      graph: { opset: 18, inputs: [], outputs: [] },
      data: { from: '2026-01-01T00:00:00.000Z', until: '2026-01-02T00:00:00.000Z', rows: 3 },
      seed: 1,
      metrics: {},
      trainer: {},
    },
  });
  return sealed.version;
};

/** What `sumGraph` says of a batch of one list, worked out here. */
export const shelfHeads = (
  batch: FeatureBatch,
  { scale, error = 0, table }: { scale: number; error?: number; table: EmbeddingTable },
): Float32Array => {
  const tables = new Map([['item_id', table]]);
  const { request, candidate } = createEncoder({ definition, parameters: fitted(), tables }).encode(batch);
  const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
  const width = candidate.length / batch.rows;
  return Float32Array.from({ length: batch.rows * 2 }, (_, at) => {
    const row = at >> 1;
    const x = scale * (sum(request) + sum(candidate.subarray(row * width, (row + 1) * width))) + error;
    return at % 2 === 0 ? 1 / (1 + Math.exp(-x)) : x;
  });
};

export const sumGraph = (scale: number, withGates: boolean): Uint8Array => {
  const graph = new GraphBuilder();
  const float = 'float32';
  const request = graph.input('request', float, ['requests', 'requestWidth']);
  const candidate = graph.input('candidate', float, ['rows', 'candidateWidth']);
  const requestOf = graph.input('request_of', 'int32', ['rows']);
  const axis = graph.constant(BigInt64Array.of(1n), [1]);
  const total = (value: string): string => graph.node('ReduceSum', [value, axis], { keepdims: 1 });
  const ofRequest = graph.node('Gather', [total(request), requestOf], { axis: 0 });
  const sum = graph.node('Add', [ofRequest, total(candidate)]);
  const scaled = graph.node('Mul', [sum, graph.weight('scale', Float32Array.of(scale), [1])]);
  const heads = graph.node('Concat', [graph.node('Sigmoid', [scaled]), scaled], { axis: 1 });
  graph.output(heads, 'heads', { dtype: float, shape: ['rows', 2] });
  if (withGates) {
    const zero = graph.node('Mul', [heads, graph.constant(Float32Array.of(0), [1])]);
    const wide = graph.node('Unsqueeze', [zero, graph.constant(BigInt64Array.of(2n), [1])]);
    const gates = graph.node('Add', [wide, graph.constant(Float32Array.of(0.25, 0.75), [1, 1, 2])]);
    graph.output(gates, 'gates', { dtype: float, shape: ['rows', 2, 2] });
  }
  return encodeModel(graph.build('shelf'));
};
