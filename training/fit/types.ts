import type { NetworkInputs } from '../../src/features/index.js';

/** One training step's input: the matrices and, per row and task, the label and how much it counts (0: masked). */
export interface StepBatch extends NetworkInputs {
  readonly labels: Float32Array; // [rows, tasks], as the loss wants them (regressions standardised)
  readonly weights: Float32Array; // [rows, tasks], already divided by what makes the loss a mean
  readonly bias: Int32Array; // [rows] cell of the bias tower, -1 = missing
  /** Seeds every random input of the step. */
  readonly seed: number;
  readonly learningRate: number;
}

export interface StepResult {
  /** [tasks] weighted loss of the batch before the update. */
  readonly losses: Float32Array;
  /** Gradients with respect to the input matrices, same shapes: what embedding tables learn from. */
  readonly requestGradient: Float32Array;
  readonly candidateGradient: Float32Array;
}

export type NamedArrays = ReadonlyMap<string, Float32Array>;

/** Executes the model: the same network and loss on ONNX Runtime or on tfjs-node. Owns dense weights and optimiser state. */
export interface Engine {
  readonly kind: 'onnx' | 'tfjs-node';
  step(batch: StepBatch): Promise<StepResult>;
  /** [rows, tasks] logits with the current weights, no noise, no bias tower. */
  predict(inputs: NetworkInputs): Promise<Float32Array>;
  /** Dense weights and optimiser state, copies; loading them into any engine of the same shape goes on from there. */
  state(): Promise<NamedArrays>;
  load(state: NamedArrays): Promise<void>;
  close(): Promise<void>;
}
