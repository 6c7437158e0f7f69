import { tf } from '../compile/index.js';
import type { RequestSums } from './types.js';

/** Rows of a matrix by index: [n, width], int32 [m] to [m, width]. */
const gatherRows = (matrix: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D =>
  withGradient(
    matrix,
    (given) => ({ value: tf.gather(given, index), saved: [index] }),
    // The gradient that tfjs registers walks over every row of the matrix for every row of the batch.
    (dy, [rows]) => tf.scatterND((rows as tf.Tensor1D).expandDims(1), dy, matrix.shape),
  );

/** Rows of a matrix by cell, [cells, width], int32 [m] to [m, width]; zeros for a missing cell (-1). */
export const gatherCells = (matrix: tf.Tensor2D, cells: tf.Tensor1D): tf.Tensor2D =>
  gatherRows(matrix, tf.maximum(cells, tf.scalar(0, 'int32'))).mul(presence(cells));

/** [m, 1]: 1 where there is a cell, 0 where it is missing. */
export const presence = (cells: tf.Tensor1D): tf.Tensor2D =>
  tf.greaterEqual(cells, 0).cast('float32').expandDims<tf.Tensor2D>(1);

/** The value as it is, with its gradient turned around and multiplied by a factor [1] (Ganin et al., JMLR 2016). */
export const reverseGradient = <T extends tf.Tensor>(x: T, factor: tf.Tensor): T =>
  withGradient(
    x,
    (given) => ({ value: given.clone(), saved: [factor] }),
    (dy, [by]) => dy.mul(by as tf.Tensor).neg(),
  );

/** Each row gets its request's values: [requests, width] to [rows, width]. */
export const spreadRequests = (
  values: tf.Tensor2D,
  requestOf: tf.Tensor1D,
  sums: RequestSums | undefined,
): tf.Tensor2D => {
  if (sums === undefined) return gatherRows(values, requestOf);
  const { local, first, carried, chain } = sums;
  return withGradient(
    values,
    (given) => ({ value: tf.gather(given, requestOf), saved: [local, first, carried, chain] }),
    (dy, saved) => {
      const [ofRow, begins, goesOn, later] = saved as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.Tensor2D];
      return sumRequests(dy, { local: ofRow, first: begins, carried: goesOn, chain: later });
    },
  );
};

/**
 * Sums the rows of each request, [rows, width] to [requests, width]: within blocks by a product with a small one-hot
 * matrix, then each request takes its part of the block it begins in and, if it goes on, the sum of its later parts. One
 * product with the whole one-hot matrix would cost as much as a layer (620 x 1024 x 2048: 29 ms, this 4).
 */
const sumRequests = (rows: tf.Tensor2D, { local, first, carried, chain }: RequestSums): tf.Tensor2D => {
  const [blocks, size] = local.shape;
  const width = rows.shape[1];
  const slots = tf.range(0, size, 1, 'int32').reshape([1, size, 1]);
  const hit = tf.equal(local.reshape([blocks, 1, size]), slots).cast('float32');
  const parts = tf.matMul<tf.Tensor3D>(hit, rows.reshape<tf.Tensor3D>([blocks, size, width]));
  const begun = tf.gather(parts.reshape<tf.Tensor2D>([blocks * size, width]), first);
  const later = tf.matMul(chain, parts.slice([0, 0, 0], [blocks, 1, width]).reshape<tf.Tensor2D>([blocks, width]));
  return begun.add(tf.gather(later, carried));
};

/** max(x, 0). The gradient is taken from the output, so that the input need not be kept. */
export const rectify = <T extends tf.Tensor>(x: T): T =>
  withGradient(
    x,
    (given) => {
      const value = tf.relu(given);
      return { value, saved: [value] };
    },
    (dy, [value]) => dy.mul(tf.step(value as T)),
  );

/** A function of one tensor with its own gradient; what that uses of other tensors is saved, or it would be disposed. */
const withGradient = <T extends tf.Tensor>(
  x: T,
  forward: (x: T) => { readonly value: T; readonly saved: readonly tf.Tensor[] },
  backward: (dy: T, saved: readonly tf.Tensor[]) => tf.Tensor,
): T =>
  tf.customGrad((...given) => {
    const [tensor, save] = given as unknown as [T, (tensors: tf.Tensor[]) => void];
    const { value, saved } = forward(tensor);
    save([...saved]);
    return { value, gradFunc: (dy: T, kept: tf.Tensor[]) => backward(dy, kept) };
  })(x);
