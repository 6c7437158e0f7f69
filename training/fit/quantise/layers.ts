import type { OnnxNode } from '../../compile/index.js';
import type { FoldedGraph, Weights } from './weights.js';

/** What of a layer's sum is computed once per request and handed to the request's rows. */
export interface RequestPart {
  /** [requests, inputs] */
  readonly input: string;
  readonly weights: Weights; // [inputs, width]
  /** Which request each row belongs to. */
  readonly requestOf: string;
}

/** A rectified dense layer of a serving graph: relu(input x weights + of the request + bias). */
export interface HiddenLayer {
  /** [rows, inputs] */
  readonly input: string;
  readonly weights: Weights; // [inputs, width]
  readonly ofRequest?: RequestPart;
  readonly bias?: Float32Array; // [width]
  /** [rows, width] */
  readonly output: string;
  /** What computes it, the last of them the rectifier. */
  readonly nodes: readonly OnnxNode[];
}

/** Every rectified dense layer with a matrix of weights, in the graph's order. */
export const hiddenLayers = ({ nodes, weights }: FoldedGraph): HiddenLayer[] => {
  const makers = new Map(nodes.flatMap((node) => node.output.map((value) => [value, node] as const)));
  const readers = new Map<string, number>();
  for (const value of nodes.flatMap(({ input }) => input)) readers.set(value, (readers.get(value) ?? 0) + 1);

  /** The node of this kind that computes the value for one reader alone. */
  const maker = (value: string, opType: string): OnnxNode | undefined => {
    const node = makers.get(value);
    return node?.opType === opType && readers.get(value) === 1 ? node : undefined;
  };
  /** A sum of two, each tried in both places. */
  const sumOf = <T>(value: string, match: (one: string, other: string) => T | undefined): T | undefined => {
    const [one = '', other = ''] = maker(value, 'Add')?.input ?? [];
    return match(one, other) ?? match(other, one);
  };
  const product = (value: string): (Pick<HiddenLayer, 'input' | 'weights'> & { node: OnnxNode }) | undefined => {
    const node = maker(value, 'MatMul');
    const [input = '', by = ''] = node?.input ?? [];
    const matrix = weights.get(by);
    return node === undefined || matrix?.dims.length !== 2 ? undefined : { node, input, weights: matrix };
  };
  const biasOf = (value: string, width: number): Float32Array | undefined => {
    const values = weights.get(value)?.values;
    return values?.length === width ? values : undefined;
  };

  /** What is added to the rows' product: a bias, or the request's part with or without one. */
  const addend = (value: string, width: number): Omit<HiddenLayer, 'input' | 'weights' | 'output'> | undefined => {
    const own = biasOf(value, width);
    if (own !== undefined) return { bias: own, nodes: [] };
    const gather = maker(value, 'Gather');
    const [once = '', requestOf = ''] = gather?.input ?? [];
    if (gather === undefined) return undefined;
    const add = makers.get(once);
    const biased = sumOf(once, (one, other) => {
      const [found, bias] = [product(one), biasOf(other, width)];
      return found && bias && add && { ...found, bias, nodes: [found.node, add, gather] };
    });
    const plain = product(once);
    const found = biased ?? (plain && { ...plain, nodes: [plain.node, gather] });
    return (
      found && {
        ofRequest: { input: found.input, weights: found.weights, requestOf },
        ...('bias' in found && { bias: found.bias }),
        nodes: found.nodes,
      }
    );
  };

  return nodes.flatMap((relu): HiddenLayer[] => {
    const [sum = ''] = relu.input;
    const add = makers.get(sum);
    if (relu.opType !== 'Relu' || add === undefined) return [];
    const layer = sumOf(sum, (one, other) => {
      const found = product(one);
      const added = found && addend(other, found.weights.dims[1] ?? 0);
      return found && added && { ...found, ...added, nodes: [found.node, ...added.nodes, add, relu] };
    });
    if (layer === undefined) return [];
    const { input, weights: matrix, ofRequest, bias, nodes: own } = layer;
    return [
      {
        input,
        weights: matrix,
        ...(ofRequest && { ofRequest }),
        ...(bias && { bias }),
        output: relu.output[0] ?? '',
        nodes: own,
      },
    ];
  });
};
