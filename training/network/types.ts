import type { NetworkDefinition, TaskDefinition } from '../../src/definition/index.js';
import type { tf } from '../compile/index.js';

export interface NetworkShape {
  readonly definition: NetworkDefinition;
  readonly tasks: readonly { readonly name: string; readonly task: TaskDefinition }[];
  readonly requestWidth: number;
  readonly candidateWidth: number;
  /** Cells of the screen that the network takes as an input; none if left out. */
  readonly screenCells?: number;
}

export interface ParameterSpec {
  /** Part, layer and role, e.g. experts/0/weights or towers/0/bias. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Initial values are uniform in ±bound; 0 starts at zero. */
  readonly bound: number;
  /** Weight decay leaves biases alone. */
  readonly decays: boolean;
  /** Factor on the learning rate; 1 if left out. */
  readonly rate?: number;
}

/** A random input of the training step: the network asks, the trainer feeds seeded values. Absent when scoring. */
export interface NoiseSpec {
  readonly name: string;
  /** `kept` with probability 1 - rate, else 0. */
  readonly rate: number;
  readonly kept: number;
  readonly shape: readonly (number | 'rows' | 'requests')[];
}

export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

export interface ForwardInputs {
  readonly request: tf.Tensor2D; // [requests, requestWidth]
  readonly candidate: tf.Tensor2D; // [rows, candidateWidth]
  /** [rows] int32; left out where row i belongs to request i, which saves the gather and its gradient. */
  readonly requestOf?: tf.Tensor1D;
  /**
   * int32 [rows], or [1] for all rows: the cell of the screen, -1 = missing, for a network that takes it as an input; all
   * missing if left out.
   */
  readonly screen?: tf.Tensor1D;
  /** How to sum over a request's rows fast, for the gradient; the number of rows is then blocks * size. */
  readonly requestSums?: RequestSums;
  /** By NoiseSpec name; empty when scoring. */
  readonly noise: NamedTensors;
  /** Experts one after the other and not side by side: faster when serving, where there is no noise. */
  readonly inTurn?: boolean;
}

/**
 * Rows in order of their requests, cut into blocks. Within a block requests are numbered from 0, the request of its first
 * row; a request's part of a block is the sum of its rows there.
 */
export interface RequestSums {
  /** [blocks, size] int32: each row's request, by its number in the block. */
  readonly local: tf.Tensor2D;
  /** [requests] int32: where a request begins, block * size + number. */
  readonly first: tf.Tensor1D;
  /** [requests] int32: the next block, if the request goes on there, else 0. */
  readonly carried: tf.Tensor1D;
  /** [blocks, blocks]: row `carried[q]` has a 1 for every later block that request q goes on in; row 0 is zero. */
  readonly chain: tf.Tensor2D;
}

export interface ForwardOutputs {
  readonly logits: tf.Tensor2D; // [rows, tasks]; regressions: standardised value
  readonly gates?: tf.Tensor3D; // [rows, tasks, experts], mmoe only
  /** [rows, ...] of `sharedWidth` values each: what all tasks read; absent where they share nothing. */
  readonly shared?: tf.Tensor;
}

/** Multiplications per candidate row and per request, the paper's proxy for serving cost. */
export interface Multiplications {
  readonly perCandidate: number;
  readonly perRequest: number;
}

/** One architecture: (parameters, inputs) to logits, as an ordinary tfjs function without side effects. */
export interface Network {
  readonly parameters: readonly ParameterSpec[];
  readonly noise: readonly NoiseSpec[];
  forward(parameters: NamedTensors, inputs: ForwardInputs): ForwardOutputs;
  readonly multiplications: Multiplications;
  /** Values per row in `shared`, 0 where there are none: the bottom's output, or else that of all experts. */
  readonly sharedWidth: number;
}

/** A seeded source of integers in [0, 2^32). */
export interface RandomSource {
  next(): number;
}
