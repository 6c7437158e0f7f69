import { tf } from '../compile/index.js';
import { gatherCells } from './operations.js';
import type { ParameterSpec } from './types.js';

/**
 * The shallow tower (Zhao et al., RecSys 2019): a weight per cell of the crossed screen features and task, added to the
 * logits while training and left out when serving, where the screen is not known yet.
 */
export interface BiasTower {
  readonly parameters: readonly ParameterSpec[];
  /** [rows, tasks] from cells [rows] int32; a missing cell (-1) adds nothing, nor does a task without the tower. */
  logits(weights: tf.Tensor2D, cells: tf.Tensor1D): tf.Tensor2D;
}

export const biasParameter = 'bias/weights';

export const createBiasTower = (
  cells: number,
  tasks: readonly { readonly biased: boolean }[],
  rate?: number,
): BiasTower => ({
  parameters: [
    {
      name: biasParameter,
      shape: [cells, tasks.length],
      bound: 0,
      decays: false,
      ...(rate === undefined ? {} : { rate }),
    },
  ],
  logits: (weights, index) => {
    const biased = tf.tensor1d(tasks.map((task) => (task.biased ? 1 : 0)));
    return gatherCells(weights, index).mul(biased);
  },
});
