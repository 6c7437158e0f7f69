import type { RankerDefinition } from '../../src/definition/index.js';
import type { InputLayout, NetworkInputs } from '../../src/features/index.js';

/** One training step's input: the matrices and, per row and task, the label and how much it counts (0: masked). */
export interface StepBatch extends NetworkInputs {
  /** [rows, tasks] as the loss wants them (regressions standardised); finite even where the weight is 0. */
  readonly labels: Float32Array;
  readonly weights: Float32Array; // [rows, tasks], already divided by what makes the loss a mean
  readonly bias: Int32Array; // [rows] cell of the screen (of the bias tower's cross), -1 = missing
  /** Share of training that is over, 1 if left out: an adversary grows with it. */
  readonly progress?: number;
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

/** Values by name, in a fixed order: `parameters/<name>`, `average/<name>`, and what the optimiser keeps. */
export type NamedArrays = ReadonlyMap<string, Float32Array>;

/**
 * What an engine is made from. The definition's `network`, `tasks`, `bias` and of `training`: optimizer, weight_decay,
 * clip_norm and averaging. The learning rate comes with every step.
 */
export interface EngineOptions {
  readonly definition: RankerDefinition;
  readonly layout: Pick<InputLayout, 'requestWidth' | 'candidateWidth' | 'biasCells'>;
  /** Seeds the initial weights. */
  readonly seed: number;
  /** Threads inside one operation of ONNX Runtime; 2 if left out. Weights do not depend on it. */
  readonly threads?: number;
}

/**
 * Executes the model: the same network and loss on ONNX Runtime or on tfjs-node. Owns the dense weights, their moving
 * average and the optimiser's state. Calls are carried out one after the other in the order they were made; the caller
 * need not wait for one before making the next.
 *
 * The arrays of a batch or of inputs are handed over: they go to another thread and read as empty afterwards, unless
 * they are views into a larger buffer (those are copied).
 */
export interface Engine {
  readonly kind: 'onnx' | 'tfjs-node';
  /** A step whose losses are not all finite answers them and changes nothing. */
  step(batch: StepBatch): Promise<StepResult>;
  /** [rows, tasks] logits as they are served: without noise and position, with the averaged weights where the definition asks for them. */
  predict(inputs: NetworkInputs): Promise<Float32Array>;
  /** Weights, average and optimiser state, copies; loading them into any engine of the same shape goes on from there. */
  state(): Promise<NamedArrays>;
  load(state: NamedArrays): Promise<void>;
  /** Waits for what was asked; never call process.exit before it resolves. */
  close(): Promise<void>;
}
