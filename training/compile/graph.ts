import { attributeTypes, elementTypes } from './proto.js';
import type { OnnxAttribute, OnnxElementType, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from './proto.js';
import type { Dimension } from './types.js';

/** An integer, integers, a text, or a float (marked, because 1 and 1.0 are one number here and two types in ONNX). */
export type AttributeValue = number | readonly number[] | string | { readonly float: number };

export interface NodeOptions {
  /** Prefix of the node's readable name. */
  readonly scope?: string;
  readonly outputs?: number;
  readonly domain?: string;
}

export type TensorValues = Float32Array | Int32Array | BigInt64Array | Uint8Array;

export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly name: string;
  readonly outputs: readonly string[];
  readonly domain: string;
}

export const opset = 18;
const irVersion = 8;

const typeOfValues = (values: TensorValues): OnnxElementType =>
  values instanceof Float32Array
    ? 'float32'
    : values instanceof Int32Array
      ? 'int32'
      : values instanceof BigInt64Array
        ? 'int64'
        : 'bool';

/**
 * Builds one ONNX graph, node by node. A node with the same op, inputs and attributes as an earlier one is that earlier
 * one (every op used here is a pure function), equal constants are stored once, and what no output needs is left out.
 */
export class GraphBuilder {
  readonly #nodes: GraphNode[] = [];
  readonly #producers = new Map<string, GraphNode>();
  readonly #nodeKeys = new Map<string, GraphNode>();
  readonly #inputs = new Map<string, OnnxValueInfo>();
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #constantKeys = new Map<string, string>();
  readonly #constantValues = new Map<string, TensorValues>();
  readonly #outputs: { readonly value: string; readonly info: OnnxValueInfo }[] = [];
  readonly #names = new Set<string>();

  /** Keeps a name for an input, weight or output, so that no inner value takes it. */
  reserve(name: string): void {
    this.#names.add(name);
  }

  input(name: string, dtype: OnnxElementType, shape: readonly Dimension[]): string {
    this.reserve(name);
    this.#inputs.set(name, valueInfo(name, dtype, shape));
    return name;
  }

  /** A weight that keeps its name; never merged with an equal one. */
  weight(name: string, values: TensorValues, shape: readonly number[]): string {
    this.reserve(name);
    this.#initializers.set(name, tensor(name, values, shape));
    return name;
  }

  /** A constant of the computation; equal constants are one. */
  constant(values: TensorValues, shape: readonly number[], name = 'constant'): string {
    const data = tensor(name, values, shape);
    const key = `${data.dataType}:${shape.join(',')}:${Buffer.from(data.rawData).toString('base64')}`;
    const known = this.#constantKeys.get(key);
    if (known !== undefined) return known;
    const unique = this.#unique(name);
    this.#constantKeys.set(key, unique);
    this.#constantValues.set(unique, values);
    this.#initializers.set(unique, { ...data, name: unique });
    return unique;
  }

  /** The values of a constant made by `constant`; undefined for anything else. */
  valuesOf(name: string): TensorValues | undefined {
    return this.#constantValues.get(name);
  }

  /** The node that computes the value; undefined for inputs and constants. */
  producer(value: string): GraphNode | undefined {
    return this.#producers.get(value);
  }

  /** Appends a node with one result and answers the result's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    options: NodeOptions = {},
  ): string {
    return this.nodes(op, inputs, attributes, options)[0] ?? '';
  }

  /** Appends a node with several results and answers their names. */
  nodes(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    options: NodeOptions = {},
  ): readonly string[] {
    const { scope, outputs = 1, domain = '' } = options;
    const key = JSON.stringify([domain, op, outputs, inputs, attributes]);
    const known = this.#nodeKeys.get(key);
    if (known !== undefined) return known.outputs;
    const name = this.#unique(scope === undefined || scope === '' ? op : `${scope}/${op}`);
    const results =
      outputs === 1 ? [name] : Array.from({ length: outputs }, (_, index) => this.#unique(`${name}:${index}`));
    const node: GraphNode = { op, inputs, attributes, name, outputs: results, domain };
    this.#nodes.push(node);
    this.#nodeKeys.set(key, node);
    for (const result of results) this.#producers.set(result, node);
    return results;
  }

  /** Declares a value as the graph's output under that name. */
  output(
    value: string,
    name: string,
    type: { readonly dtype: OnnxElementType; readonly shape: readonly Dimension[] },
  ): void {
    this.reserve(name);
    this.#outputs.push({ value, info: valueInfo(name, type.dtype, type.shape) });
  }

  /** The finished model: only what the outputs need, in an order in which it can run. */
  build(name: string, metadata: Readonly<Record<string, string>> = {}): OnnxModel {
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const { value, info } of this.#outputs) {
      if (this.#producers.has(value) && !renamed.has(value)) renamed.set(value, info.name);
      else copies.push({ name: `${info.name}/Identity`, opType: 'Identity', input: [value], output: [info.name] });
    }
    const needed = new Set(this.#outputs.map(({ value }) => value));
    const kept: GraphNode[] = [];
    for (const node of [...this.#nodes].reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      kept.push(node);
      for (const input of node.inputs) needed.add(input);
    }
    const final = (value: string): string => renamed.get(value) ?? value;
    const domains = new Set(kept.map(({ domain }) => domain).filter((domain) => domain !== ''));
    return {
      irVersion,
      producerName: 'watchnext',
      opsetImport: [{ domain: '', version: opset }, ...[...domains].sort().map((domain) => ({ domain, version: 1 }))],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name,
        node: [
          ...kept.reverse().map((node) => onnxNode(node, final)),
          ...copies.map((node) => ({ ...node, input: node.input.map(final) })),
        ],
        initializer: [...this.#initializers].filter(([key]) => needed.has(key)).map(([, value]) => value),
        input: [...this.#inputs.values()],
        output: this.#outputs.map(({ info }) => info),
      },
    };
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let count = 1; this.#names.has(name); count++) name = `${wanted}_${count}`;
    this.#names.add(name);
    return name;
  }
}

function onnxNode(node: GraphNode, final: (value: string) => string): OnnxNode {
  const attribute = Object.entries(node.attributes).map(([name, value]) => onnxAttribute(name, value));
  return {
    name: node.name,
    opType: node.op,
    input: node.inputs.map(final),
    output: node.outputs.map(final),
    ...(attribute.length === 0 ? {} : { attribute }),
    ...(node.domain === '' ? {} : { domain: node.domain }),
  };
}

function onnxAttribute(name: string, value: AttributeValue): OnnxAttribute {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value };
  if (typeof value === 'string') return { name, type: attributeTypes.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float };
  return { name, type: attributeTypes.ints, ints: value };
}

/** A tensor as ONNX stores it; a copy of the values. */
function tensor(name: string, values: TensorValues, shape: readonly number[]): OnnxTensor {
  return {
    name,
    dims: shape,
    dataType: elementTypes[typeOfValues(values)],
    rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(),
  };
}

function valueInfo(name: string, dtype: OnnxElementType, shape: readonly Dimension[]): OnnxValueInfo {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: elementTypes[dtype], shape: { dim } } } };
}
