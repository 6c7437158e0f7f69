import { tf } from '../compile/index.js';
import { sharedLayer, stack } from './layers.js';
import { presence, reverseGradient } from './operations.js';
import type { NamedTensors, ParameterSpec } from './types.js';

/** Width of the adversary's one hidden layer: enough to find the position where it is, little beside the network. */
const hiddenWidth = 32;

/**
 * A head that learns to tell the cell of the screen from what all tasks share, while the gradient that it sends below is
 * turned around: the shared layers learn to hide it (Ganin et al., JMLR 2016; for the position: Zhao et al., RecSys 2019).
 */
export interface Adversary {
  readonly parameters: readonly ParameterSpec[];
  /** The mean cross-entropy of the cells that there are; 0 where all are missing. */
  readonly loss: (parameters: NamedTensors, inputs: AdversaryInputs) => tf.Scalar;
}

export interface AdversaryInputs {
  readonly shared: tf.Tensor; // [rows, ...] of the network's sharedWidth values each
  readonly cells: tf.Tensor1D; // [rows] int32; -1 = missing, such a row does not count
  /** [1] by what the gradient is multiplied before it is turned around. */
  readonly reversal: tf.Tensor1D;
}

export const createAdversary = (sharedWidth: number, cells: number): Adversary => {
  const head = stack(sharedLayer(sharedWidth), [
    { name: 'adversary/hidden', copies: 1, width: hiddenWidth, kind: 'hidden', dropout: 0 },
    { name: 'adversary/cells', copies: 1, width: cells, kind: 'linear', dropout: 0 },
  ]);
  return {
    parameters: head.parameters,
    loss: (parameters, { shared, cells: index, reversal }) => {
      const read = reverseGradient(shared.reshape<tf.Tensor2D>([-1, sharedWidth]), reversal);
      const logits = head.apply(read, { parameters, noise: {} }).squeeze<tf.Tensor2D>([0]);
      const hit = tf.equal(index.expandDims(1), tf.range(0, cells, 1, 'int32').expandDims(0)).cast('float32');
      const present = presence(index).squeeze<tf.Tensor1D>([1]);
      const total = tf.losses.softmaxCrossEntropy(hit, logits, present, 0, tf.Reduction.SUM);
      return tf.div(total, tf.maximum(present.sum(), 1));
    },
  };
};
