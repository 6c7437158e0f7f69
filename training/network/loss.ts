import { tf } from '../compile/index.js';

export interface LossInputs {
  readonly logits: tf.Tensor2D; // [rows, tasks]
  /** [rows, tasks]: 0 or 1 for binary tasks, standardised for regressions; finite even where the weight is 0. */
  readonly labels: tf.Tensor2D;
  /** [rows, tasks]: masks, task weights and what makes the sum a mean, in one. */
  readonly weights: tf.Tensor2D;
}

/**
 * [tasks] the weighted sum over rows of each task's loss: cross-entropy on the logit z with label y,
 * log(1 + e^z) - y z, or the squared error (z - y)^2.
 */
export const taskLosses = (
  kinds: readonly ('binary' | 'regression')[],
  { logits, labels, weights }: LossInputs,
): tf.Tensor1D => {
  const losses = (kind: 'binary' | 'regression'): tf.Tensor2D =>
    kind === 'binary' ? tf.softplus(logits).sub(labels.mul(logits)) : logits.sub<tf.Tensor2D>(labels).square();
  const [first, ...others] = [...new Set(kinds)];
  if (first === undefined) throw new Error('a loss needs at least one task');
  const ofRow = others.reduce((loss, kind) => {
    const isKind = tf.tensor1d(kinds.map((of) => (of === kind ? 1 : 0)));
    return loss.mul(tf.sub(1, isKind)).add(losses(kind).mul(isKind));
  }, losses(first));
  return ofRow.mul(weights).sum(0);
};
