import { tf } from '../compile/index.js';

/**
 * Rows of a matrix by index: [n, width], int32 [m] to [m, width]. Its gradient sums by ScatterND; the one tfjs registers
 * for gather walks over every row of the matrix for every row of the batch.
 */
export const gatherRows = (matrix: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D =>
  withGradient(
    matrix,
    (given) => ({ value: tf.gather(given, index), saved: index }),
    (dy, rows) => tf.scatterND(rows.expandDims(1), dy, matrix.shape),
  );

/** max(x, 0). The gradient is taken from the output, so that the input need not be kept. */
export const rectify = <T extends tf.Tensor>(x: T): T =>
  withGradient(
    x,
    (given) => {
      const value = tf.relu(given);
      return { value, saved: value };
    },
    (dy, value) => dy.mul(tf.step(value)),
  );

/** A function of one tensor with its own gradient, which may use one saved tensor. */
const withGradient = <T extends tf.Tensor>(
  x: T,
  forward: (x: T) => { readonly value: T; readonly saved: tf.Tensor },
  backward: (dy: T, saved: tf.Tensor) => tf.Tensor,
): T =>
  tf.customGrad((...given) => {
    const [tensor, save] = given as unknown as [T, (tensors: tf.Tensor[]) => void];
    const { value, saved } = forward(tensor);
    save([saved]);
    return { value, gradFunc: (dy: T, [kept]: tf.Tensor[]) => backward(dy, kept as tf.Tensor) };
  })(x);
