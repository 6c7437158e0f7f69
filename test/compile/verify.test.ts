import { describe, expect, test } from '@jest/globals';
import { tf, trace, type TraceOptions } from '../../training/compile/index.js';
import { verifyCompiled, type NamedTensors } from './verify.js';

const traced: TraceOptions = {
  name: 'double',
  inputs: [{ name: 'x', dtype: 'float32', shape: ['rows'] }],
  run: ({ x }) => ({ y: tf.mul(x!, 2) }),
};
const sample: NamedTensors = { x: { data: Float32Array.of(1, -4), shape: [2] } };

/** Verifies against a runtime that answers what it is told to. */
const against = (y: readonly number[], shape: readonly number[] = [2], name = 'y') =>
  verifyCompiled({
    model: trace(traced),
    traced,
    samples: [sample],
    execute: () => Promise.resolve({ [name]: { data: Float32Array.from(y), shape } }),
  });

describe('verification', () => {
  test('finds no difference where there is none', async () => {
    expect(await against([2, -8])).toEqual({
      maxAbsolute: 0,
      maxRelative: 0,
      outputs: { y: { maxAbsolute: 0, maxRelative: 0 } },
    });
  });

  test('reports the largest difference, also against the largest magnitude', async () => {
    expect(await against([2.5, -8])).toMatchObject({ maxAbsolute: 0.5, maxRelative: 0.0625 });
  });

  test.each([
    ['is not a number', [Number.NaN, -8], [2], 'y'],
    ['has another shape', [2, -8], [2, 1], 'y'],
    ['is missing', [2, -8], [2], 'z'],
  ])('is infinitely far where an output %s', async (_, values, shape, name) => {
    expect(await against(values, shape, name)).toMatchObject({ maxAbsolute: Infinity, maxRelative: Infinity });
  });

  test('leaves no tensors and the backend as it was', async () => {
    tf.backend();
    const before = { tensors: tf.memory().numTensors, backend: tf.getBackend() };
    await against([2, -8]);
    expect({ tensors: tf.memory().numTensors, backend: tf.getBackend() }).toEqual(before);
  });
});
