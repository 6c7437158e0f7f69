import { beforeAll, describe, expect, test } from '@jest/globals';
import { tf } from '../../training/compile/index.js';
import { createBiasTower, taskLosses } from '../../training/network/index.js';
import { numbers } from './builder.js';

beforeAll(() => tf.setBackend('cpu'));

describe('task losses', () => {
  const logits = tf.tensor2d([[0.3, 2], [-1.2, -0.5]]); // prettier-ignore
  const labels = tf.tensor2d([[1, 0.5], [0, -1]]); // prettier-ignore
  const ones = tf.ones<tf.Rank.R2>([2, 2]);

  test('are cross-entropy for binary tasks and squared error for regressions', () => {
    const [binary, squared] = numbers(taskLosses(['binary', 'regression'], { logits, labels, weights: ones }));
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    expect(binary).toBeCloseTo(-Math.log(sigmoid(0.3)) - Math.log(1 - sigmoid(-1.2)), 5);
    expect(squared).toBeCloseTo(1.5 ** 2 + 0.5 ** 2, 5);
  });

  test('count each row by its weight', () => {
    const weights = tf.tensor2d([[0, 2], [0.5, 0]]); // prettier-ignore
    const [binary, squared] = numbers(taskLosses(['binary', 'regression'], { logits, labels, weights }));
    expect(binary).toBeCloseTo(0.5 * Math.log1p(Math.exp(-1.2)), 5);
    expect(squared).toBeCloseTo(2 * 1.5 ** 2, 5);
  });

  test('stay finite, with finite gradients, for logits of any size', () => {
    const extreme = tf.tensor2d([[-500], [500], [-500], [500]]);
    const sure = { labels: tf.tensor2d([[0], [1], [1], [0]]), weights: tf.ones<tf.Rank.R2>([4, 1]) };
    const loss = (z: tf.Tensor): tf.Scalar => taskLosses(['binary'], { logits: z as tf.Tensor2D, ...sure }).sum();
    expect(numbers(loss(extreme))).toEqual([1000]);
    expect(numbers(tf.grad(loss)(extreme))).toEqual([0, 0, -1, 1]);
  });
});

describe('the bias tower', () => {
  const tower = createBiasTower(3, [{ biased: true }, { biased: false }]);
  const weights = tf.tensor2d([[1, 10], [2, 20], [3, 30]]); // prettier-ignore

  test('adds its cell’s weight to the tasks that have it, nothing where the cell is missing', () => {
    expect(numbers(tower.logits(weights, tf.tensor1d([2, -1, 0, 2], 'int32')))).toEqual([3, 0, 0, 0, 1, 0, 3, 0]);
  });

  test('learns from the rows that show a cell, and only for those tasks', () => {
    const sum = (w: tf.Tensor): tf.Scalar => tower.logits(w as tf.Tensor2D, tf.tensor1d([2, -1, 0, 2], 'int32')).sum();
    expect(numbers(tf.grad(sum)(weights))).toEqual([1, 0, 0, 0, 2, 0]);
  });

  test('starts without an effect and is not decayed', () => {
    expect(tower.parameters).toEqual([{ name: 'bias/weights', shape: [3, 2], bound: 0, decays: false }]);
  });
});
