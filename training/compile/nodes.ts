import type { AttributeValue, GraphBuilder, NodeOptions } from './graph.js';
import type { Operand } from './kernels/kernel.js';
import { isFixed, sameShape, sameSize } from './sizes.js';
import type { Size, SizedNumber, Term } from './sizes.js';
import type { ElementType } from './types.js';

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Where a graph can look up an open dimension at run time. */
export interface DimensionSource {
  readonly input: string;
  readonly axis: number;
}

/**
 * Writes nodes for kernels: on top of the graph it knows the open dimensions, so that a size becomes a constant or a few
 * Shape nodes, and it keeps broadcast values small: an Expand is written only if somebody needs the full tensor.
 */
export class NodeWriter {
  readonly graph: GraphBuilder;
  readonly #dimensions: ReadonlyMap<string, DimensionSource>;
  /** Broadcast value to what it was broadcast from. */
  readonly #broadcasts = new Map<string, Operand>();
  /** Prefix of the names of the nodes written next. */
  scope = '';

  constructor(graph: GraphBuilder, dimensions: ReadonlyMap<string, DimensionSource>) {
    this.graph = graph;
    this.#dimensions = dimensions;
  }

  node(op: string, inputs: readonly string[], attributes: Attributes = {}, options: NodeOptions = {}): string {
    return this.graph.node(op, inputs, attributes, { scope: this.scope, ...options });
  }

  nodes(op: string, inputs: readonly string[], attributes: Attributes, outputs: number): readonly string[] {
    return this.graph.nodes(op, inputs, attributes, { scope: this.scope, outputs });
  }

  /** A constant vector of int64: axes, fixed shapes. */
  integers(values: readonly number[]): string {
    return this.graph.constant(BigInt64Array.from(values, BigInt), [values.length], `sizes/${values.join('x')}`);
  }

  /** A constant scalar. */
  scalar(value: number, dtype: ElementType = 'float32'): string {
    const values =
      dtype === 'float32' ? Float32Array.of(value) : dtype === 'int32' ? Int32Array.of(value) : Uint8Array.of(value);
    return this.graph.constant(values, [], `scalar/${dtype === 'float32' ? String(value) : `${dtype}/${value}`}`);
  }

  /** A shape as an int64 vector [rank]. */
  shape(sizes: readonly Size[]): string {
    if (isFixed(sizes)) return this.integers(sizes);
    const parts = sizes.map((size) => this.size(size));
    return parts.length === 1 ? (parts[0] ?? '') : this.graph.node('Concat', parts, { axis: 0 }, { scope: 'sizes' });
  }

  /** A size as an int64 vector of one element. */
  size(size: Size): string {
    if (typeof size === 'number') return this.integers([size]);
    return size
      .map((term) => this.#term(term))
      .reduce((sum, term) => this.graph.node('Add', [sum, term], {}, { scope: 'sizes' }));
  }

  #term({ coefficient, factors }: Term): string {
    const parts = factors.map((name) => this.#dimension(name));
    if (coefficient !== 1 || parts.length === 0) parts.push(this.integers([coefficient]));
    return parts.reduce((product, part) => this.graph.node('Mul', [product, part], {}, { scope: 'sizes' }));
  }

  #dimension(name: string): string {
    const source = this.#dimensions.get(name);
    if (source === undefined) throw new Error(`No input has the open dimension ${name}.`);
    const { input, axis } = source;
    return this.graph.node('Shape', [input], { start: axis, end: axis + 1 }, { scope: 'sizes' });
  }

  /** A number that may depend on open dimensions, as a scalar. */
  number({ size, scale, inverse }: SizedNumber, dtype: ElementType): string {
    if (typeof size === 'number') return this.scalar(inverse ? scale / size : scale * size, dtype);
    const scalar = this.graph.node('Squeeze', [this.size(size), this.integers([0])], {}, { scope: 'sizes' });
    const value = this.cast(scalar, 'int64', dtype);
    if (inverse) return this.node('Div', [this.scalar(scale, dtype), value]);
    return scale === 1 ? value : this.node('Mul', [value, this.scalar(scale, dtype)]);
  }

  /** The integers 0 … size - 1 as int32 [size]. */
  count(size: Size): string {
    if (typeof size !== 'number') {
      const end = this.number({ size, scale: 1, inverse: false }, 'int32');
      return this.node('Range', [this.scalar(0, 'int32'), end, this.scalar(1, 'int32')]);
    }
    return this.graph.constant(
      Int32Array.from({ length: size }, (_, index) => index),
      [size],
      `count/${size}`,
    );
  }

  cast(name: string, from: ElementType | 'int64', to: ElementType | 'int64'): string {
    const onnxTypes = { float32: 1, int32: 6, int64: 7, bool: 9 };
    return from === to ? name : this.node('Cast', [name], { to: onnxTypes[to] });
  }

  /** The value broadcast to the shape; free until a node needs all of it. */
  broadcast(value: Operand, shape: readonly Size[]): string {
    if (sameShape(value.shape, shape)) return value.name;
    const source = this.narrow(value);
    const name = this.node('Expand', [source.name, this.shape(shape)]);
    this.#broadcasts.set(name, source);
    return name;
  }

  /** What the value was broadcast from, or the value itself: enough for an operation that broadcasts on its own. */
  narrow(value: Operand): Operand {
    return this.#broadcasts.get(value.name) ?? value;
  }

  /**
   * An elementwise operation on operands that broadcast: computed on their narrow forms, then broadcast to the result.
   */
  elementwise(
    op: string,
    operands: readonly Operand[],
    result: Omit<Operand, 'name'>,
    attributes: Attributes = {},
  ): string {
    const narrow = operands.map((operand) => this.narrow(operand));
    return this.widen((names) => this.node(op, names, attributes), narrow, result);
  }

  /** Like elementwise, for a computation of several nodes. */
  widen(
    compute: (names: readonly string[]) => string,
    operands: readonly Operand[],
    result: Omit<Operand, 'name'>,
  ): string {
    const narrow = operands.map((operand) => this.narrow(operand));
    const name = compute(narrow.map((operand) => operand.name));
    return this.broadcast(
      { name, dtype: result.dtype, shape: broadcastSizes(narrow.map(({ shape }) => shape)) },
      result.shape,
    );
  }

  /** The single value of a constant scalar, or of a broadcast of one. */
  constantOf(value: Operand): number | undefined {
    const { name, shape } = this.narrow(value);
    const values = shape.every((size) => size === 1) ? this.graph.valuesOf(name) : undefined;
    return values?.length === 1 ? Number(values[0]) : undefined;
  }

  /** The value in another shape of as many elements. */
  reshape(value: Operand, shape: readonly Size[]): string {
    if (sameShape(value.shape, shape)) return value.name;
    if (shape.includes(0)) return this.node('Reshape', [value.name, this.shape(shape)], { allowzero: 1 });
    const copied = shape.map((size, axis) => (sameSize(size, value.shape[axis] ?? Number.NaN) ? 0 : size));
    const target =
      copied.filter((size) => typeof size !== 'number').length === 1
        ? copied.map((size) => (typeof size === 'number' ? size : -1))
        : copied;
    const source = this.graph.producer(value.name);
    const origin = source?.op === 'Reshape' && !target.includes(0) ? (source.inputs[0] ?? value.name) : value.name;
    return this.node('Reshape', [origin, this.shape(target)]);
  }

  transpose(value: Operand, permutation: readonly number[]): string {
    const producer = this.graph.producer(value.name);
    const first = producer?.op === 'Transpose' ? producer.attributes['perm'] : undefined;
    const inner = Array.isArray(first) ? (first as readonly number[]) : undefined;
    const perm = inner === undefined ? permutation : permutation.map((axis) => inner[axis] ?? axis);
    const source = inner === undefined ? value.name : (producer?.inputs[0] ?? value.name);
    if (perm.every((from, to) => from === to)) return source;
    return this.node('Transpose', [source], { perm });
  }
}

/** The shape to which the shapes broadcast together. */
function broadcastSizes(shapes: readonly (readonly Size[])[]): Size[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}
