import type { NetworkDefinition, TaskDefinition } from '../../src/definition/index.js';
import type { tf } from '../compile/index.js';

export interface NetworkShape {
  readonly definition: NetworkDefinition;
  readonly tasks: readonly { readonly name: string; readonly task: TaskDefinition }[];
  readonly requestWidth: number;
  readonly candidateWidth: number;
}

export interface ParameterSpec {
  readonly name: string; // e.g. experts/0/weights
  readonly shape: readonly number[];
  /** he and glorot are uniform, by fan-in and fan-out of the last two dimensions. */
  readonly init: 'zeros' | 'he' | 'glorot';
  /** Weight decay leaves biases alone. */
  readonly decays: boolean;
}

/** A random input of the training step: the network asks, the trainer feeds seeded values. Absent when scoring. */
export interface NoiseSpec {
  readonly name: string;
  /** 'keep': 1 with probability 1 - rate, else 0. */
  readonly rate: number;
  readonly shape: readonly (number | 'rows' | 'requests')[];
}

export interface ForwardInputs {
  readonly request: tf.Tensor2D; // [requests, requestWidth]
  readonly candidate: tf.Tensor2D; // [rows, candidateWidth]
  readonly requestOf: tf.Tensor1D; // [rows] int32
  /** By NoiseSpec name; empty when scoring. */
  readonly noise: Readonly<Record<string, tf.Tensor>>;
}

export interface ForwardOutputs {
  readonly logits: tf.Tensor2D; // [rows, tasks]; regressions: standardised value
  readonly gates?: tf.Tensor3D; // [rows, tasks, experts], mmoe only
}

/** One architecture: (parameters, inputs) to logits, as an ordinary tfjs function without side effects. */
export interface Network {
  readonly parameters: readonly ParameterSpec[];
  readonly noise: readonly NoiseSpec[];
  forward(parameters: Readonly<Record<string, tf.Tensor>>, inputs: ForwardInputs): ForwardOutputs;
  /** Multiplications per candidate row and per request, the paper's proxy for serving cost. */
  readonly multiplications: { readonly perCandidate: number; readonly perRequest: number };
}
