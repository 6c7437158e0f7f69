import { elementTypes, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../../compile/index.js';

/** Weights as a graph holds them, or as it cuts them out of others. */
export interface Weights {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

export interface FoldedGraph {
  /** What is left to compute, in the graph's order. */
  readonly nodes: readonly OnnxNode[];
  /** By the name of the value. */
  readonly weights: ReadonlyMap<string, Weights>;
}

/**
 * Computes what a serving graph does with weights alone: it keeps those of all experts in one tensor, splits it and gives
 * the parts another shape. Anything else is left as it is.
 */
export const foldWeights = ({ node, initializer }: OnnxGraph): FoldedGraph => {
  const weights = new Map<string, Weights>();
  const sizes = new Map<string, readonly number[]>();
  for (const tensor of initializer) {
    const { name = '', dims, dataType } = tensor;
    if (dataType === elementTypes.float32) weights.set(name, { dims, values: new Float32Array(aligned(tensor)) });
    if (dataType === elementTypes.int64) sizes.set(name, Array.from(new BigInt64Array(aligned(tensor)), Number));
  }
  const left = node.filter((one) => {
    const [from = '', shape = ''] = one.input;
    const [whole, wanted] = [weights.get(from), sizes.get(shape)];
    if (whole === undefined || wanted === undefined) return true;
    if (one.opType === 'Reshape' && !wanted.includes(-1) && (one.attribute ?? []).length === 0) {
      weights.set(one.output[0] ?? '', { ...whole, dims: wanted.map((size, at) => size || (whole.dims[at] ?? 0)) });
      return false;
    }
    if (one.opType !== 'Split') return true;
    const axis = one.attribute?.find(({ name }) => name === 'axis')?.i ?? 0;
    split(whole, wanted, axis).forEach((part, at) => weights.set(one.output[at] ?? '', part));
    return false;
  });
  return { nodes: left, weights };
};

/** A parsed tensor is a view of the file at any byte. */
const aligned = ({ rawData }: OnnxTensor): ArrayBuffer => Uint8Array.from(rawData).buffer;

const split = ({ dims, values }: Weights, sizes: readonly number[], axis: number): Weights[] => {
  const product = (of: readonly number[]): number => of.reduce((all, size) => all * size, 1);
  const [blocks, inner, length] = [product(dims.slice(0, axis)), product(dims.slice(axis + 1)), dims[axis] ?? 0];
  let from = 0;
  return sizes.map((size) => {
    const part = new Float32Array(blocks * size * inner);
    for (let block = 0; block < blocks; block++) {
      const start = (block * length + from) * inner;
      part.set(values.subarray(start, start + size * inner), block * size * inner);
    }
    from += size;
    return { dims: dims.map((whole, at) => (at === axis ? size : whole)), values: part };
  });
};
