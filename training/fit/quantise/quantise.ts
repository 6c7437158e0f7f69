import type { NetworkInputs } from '../../../src/features/index.js';
import {
  decodeModel,
  elementTypes,
  encodeModel,
  type CompiledModel,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
} from '../../compile/index.js';
import { layerOnBytes, toBytes, type ByteValue } from './layer-nodes.js';
import { hiddenLayers, type HiddenLayer } from './layers.js';
import { columnRanges } from './ranges.js';
import { divisorsOf, farthestOf, largestByInput } from './scales.js';
import { withUnseen } from './unseen.js';
import { foldWeights, type FoldedGraph, type Weights } from './weights.js';
import { NodeWriter, runtimeDomain } from './writer.js';

export interface QuantiseOptions {
  /** A serving graph in float32. */
  readonly model: CompiledModel;
  /**
   * Rows as they come, and the edges of what may come: what is further out than any of them is cut off. Columns that are zero in
   * all of them may come as 1.
   */
  readonly sample: NetworkInputs;
}

/**
 * The same graph with its hidden layers computed in bytes: same inputs, same outputs, heads that differ a little. How values
 * are rounded is settled here, so that a row is scored the same whatever is scored with it. Towers, gates and mixing stay in
 * float32; a graph without hidden layers that it knows comes back as it is.
 */
export const quantise = async ({ model, sample }: QuantiseOptions): Promise<CompiledModel> => {
  const onnx = decodeModel(model.bytes);
  const folded = foldWeights(onnx.graph);
  const layers = hiddenLayers(folded);
  if (layers.length === 0) return model;
  const readings = readingsOf(layers);
  const columns = new Map([...readings].map(([value, by]) => [value, by[0]?.dims[0] ?? 0]));
  const ranges = await columnRanges({ model: onnx, columns, sample: withUnseen(sample) });
  const bytes = new Map(
    [...readings].map(([value, by]) => [value, formOf(value, { by, reach: ranges.get(value), layers })]),
  );
  const graph = rewritten(onnx, { folded, layers, bytes });
  const ops: Record<string, number> = {};
  for (const { opType } of graph.node) ops[opType] = (ops[opType] ?? 0) + 1;
  const opsetImport = [...onnx.opsetImport, { domain: runtimeDomain, version: 1 }];
  return { ...model, bytes: encodeModel({ ...onnx, opsetImport, graph }), ops };
};

/** Which weights read each value that is needed in bytes. */
const readingsOf = (layers: readonly HiddenLayer[]): Map<string, Weights[]> => {
  const readings = new Map<string, Weights[]>();
  for (const { input, weights, ofRequest } of layers) {
    readings.set(input, [...(readings.get(input) ?? []), weights]);
    if (ofRequest) readings.set(ofRequest.input, [...(readings.get(ofRequest.input) ?? []), ofRequest.weights]);
  }
  return readings;
};

/** Measured on KuaiRand-Pure: of .5 to .85 what moves the heads least (docs/lab-log.md). */
const shares = { inputs: 0.7, hidden: 0.5 };
/** Hidden values that no row of the sample had keep some room. */
const leastReach = 1e-3;
/** What reaches less is nothing, in whatever sum. */
const leastFarthest = 1e-6;

interface Reading {
  readonly by: readonly Weights[];
  readonly reach: Float32Array | undefined;
  readonly layers: readonly HiddenLayer[];
}

const formOf = (value: string, { by, reach = new Float32Array(), layers }: Reading): ByteValue => {
  const hidden = layers.some(({ output }) => output === value);
  const most = hidden ? reach.map((one) => Math.max(one, leastReach)) : reach;
  const weights = largestByInput(by);
  const divisors = divisorsOf(most, weights, hidden ? shares.hidden : shares.inputs);
  const farthest = farthestOf(
    most.map((one, column) => ((weights[column] ?? 0) > 0 ? one / (divisors[column] ?? 1) : 0)),
  );
  const [zero, side] = hidden ? [0, 255] : [128, 127];
  return { name: `${value}/int8`, step: Math.fround(Math.max(farthest, leastFarthest) / side), zero, divisors };
};

interface Plan {
  readonly folded: FoldedGraph;
  readonly layers: readonly HiddenLayer[];
  /** How each value that layers read is written in bytes. */
  readonly bytes: ReadonlyMap<string, ByteValue>;
}

const rewritten = ({ graph }: OnnxModel, { folded, layers, bytes }: Plan): OnnxGraph => {
  const write = new NodeWriter();
  const written = new Map<string, ByteValue>();
  const inBytes = (value: string): ByteValue => {
    const form = bytes.get(value) as ByteValue;
    const known = written.get(value) ?? toBytes(write, value, form);
    written.set(value, known);
    return known;
  };
  const readers = folded.nodes.flatMap(({ input }) => input);
  const isReadElsewhere = (value: string): boolean =>
    graph.output.some(({ name }) => name === value) ||
    readers.filter((input) => input === value).length > layers.filter(({ input }) => input === value).length;

  const layerOf = new Map(layers.map((layer) => [layer.nodes.at(-1), layer]));
  const replaced = new Set(layers.flatMap(({ nodes }) => nodes));
  for (const node of folded.nodes) {
    const layer = layerOf.get(node);
    if (layer === undefined) {
      if (!replaced.has(node)) write.nodes.push(node);
      continue;
    }
    const handedOn = isReadElsewhere(layer.output) ? undefined : bytes.get(layer.output);
    const { input, ofRequest } = layer;
    const inputs = { rows: inBytes(input), ...(ofRequest && { request: inBytes(ofRequest.input) }) };
    layerOnBytes(write, layer, inputs, handedOn);
    if (handedOn) written.set(layer.output, handedOn);
  }
  const needed = new Set(write.nodes.flatMap(({ input }) => input));
  const cut = [...folded.weights].map(([name, { dims, values }]) => floats(name, dims, values));
  const others = graph.initializer.filter(({ dataType }) => dataType !== elementTypes.float32);
  const kept = [...cut, ...others].filter(({ name = '' }) => needed.has(name));
  return { ...graph, node: write.nodes, initializer: [...kept, ...write.constants] };
};

const floats = (
  name: string,
  dims: readonly number[],
  { buffer, byteOffset, byteLength }: Float32Array,
): OnnxTensor => ({
  name,
  dims,
  dataType: elementTypes.float32,
  rawData: new Uint8Array(buffer, byteOffset, byteLength),
});
