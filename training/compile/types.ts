import type { Tensor } from '@tensorflow/tfjs';

/**
 * The compiler's promise: `trace` runs an ordinary tfjs function once per example size on a recording backend and answers
 * an ONNX model that computes the same, with every batch-like dimension left open.
 */
export type ElementType = 'float32' | 'int32' | 'bool';

/** A dimension is a number, or the name of an open one ('rows', 'requests'). */
export type Dimension = number | string;

export interface TensorSpec {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly Dimension[];
}

/** A weight: becomes an initializer of the graph. */
export interface ConstantSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

export interface TraceOptions {
  readonly name: string;
  readonly inputs: readonly TensorSpec[];
  readonly constants?: readonly ConstantSpec[];
  /** The function to trace; inputs and constants come by name; what it returns become the named outputs. */
  readonly run: (tensors: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface CompiledModel {
  /** A serialised ONNX ModelProto. */
  readonly bytes: Uint8Array;
  readonly opset: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** How often each ONNX op occurs: for reports and tests. */
  readonly ops: Readonly<Record<string, number>>;
}
