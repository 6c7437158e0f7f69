import { describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { tf, trace } from '../../training/compile/index.js';
import type { CompiledModel, TraceOptions } from '../../training/compile/index.js';

async function run(model: CompiledModel, feeds: Record<string, ort.Tensor>) {
  const session = await ort.InferenceSession.create(model.bytes);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

describe('trace', () => {
  test('a dense layer with gradient', async () => {
    const options: TraceOptions = {
      name: 'dense',
      inputs: [
        { name: 'x', dtype: 'float32', shape: ['rows', 4] },
        { name: 'y', dtype: 'float32', shape: ['rows', 3] },
      ],
      constants: [{ name: 'w', shape: [4, 3], values: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)) }],
      run: ({ x, y, w }) => {
        const loss = (weights: tf.Tensor) =>
          tf.losses.sigmoidCrossEntropy(y!, tf.matMul(x! as tf.Tensor2D, weights as tf.Tensor2D)).asScalar();
        const { value, grad } = tf.valueAndGrad(loss)(w!);
        return { loss: value, grad, p: tf.sigmoid(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)) };
      },
    };
    const before = tf.memory().numTensors;
    const model = trace(options);
    expect(tf.memory().numTensors).toBe(before);
    const x = Float32Array.from({ length: 20 }, (_, i) => Math.cos(i));
    const y = Float32Array.from({ length: 15 }, (_, i) => i % 2);
    const results = await run(model, {
      x: new ort.Tensor('float32', x, [5, 4]),
      y: new ort.Tensor('float32', y, [5, 3]),
    });
    const reference = options.run({
      x: tf.tensor(x, [5, 4]),
      y: tf.tensor(y, [5, 3]),
      w: tf.tensor(options.constants![0]!.values, [4, 3]),
    });
    for (const [name, tensor] of Object.entries(reference)) {
      const expected = tensor.dataSync();
      const actual = results[name]!.data as Float32Array;
      expect(actual.length).toBe(expected.length);
      expected.forEach((value, index) => expect(Math.abs(value - actual[index]!)).toBeLessThan(1e-6));
    }
  });
});
