import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { tf } from '../../training/compile/index.js';
import type { TensorSpec, TraceOptions } from '../../training/compile/index.js';
import { compareWithTfjs } from './runtime.js';

type Activation = 'linear' | 'relu' | 'tanh' | 'sigmoid' | 'softplus' | 'elu' | 'leaky' | 'softmax' | 'normalised';

// Calling one of several generic functions of tfjs takes the type checker gigabytes: each is given its plain type here.
const activations: Readonly<Record<Activation, (t: tf.Tensor) => tf.Tensor>> = {
  linear: (t) => t,
  relu: (t) => tf.relu(t),
  tanh: (t) => tf.tanh(t),
  sigmoid: (t) => tf.sigmoid(t),
  softplus: (t) => tf.softplus(t),
  elu: (t) => tf.elu(t),
  leaky: (t) => tf.leakyRelu(t, 0.1),
  softmax: (t) => tf.softmax(t),
  normalised: (t) => {
    const { mean, variance } = tf.moments(t, -1, true);
    return t.sub(mean).div(variance.add(0.5).sqrt());
  },
};

type Loss = 'squares' | 'crossEntropy' | 'softmax' | 'huber' | 'absolute';

const losses: Readonly<Record<Loss, (z: tf.Tensor, y: tf.Tensor) => tf.Tensor>> = {
  squares: (z, y) => tf.losses.meanSquaredError(y, z),
  crossEntropy: (z, y) => tf.losses.sigmoidCrossEntropy(tf.step(y), z),
  softmax: (z, y) => tf.losses.softmaxCrossEntropy(tf.softmax(y), z),
  huber: (z, y) => tf.losses.huberLoss(y, z),
  absolute: (z, y) => tf.abs(z.sub(y)).sum(1).mean(),
};

interface Layer {
  readonly width: number;
  readonly activation: Activation;
  readonly bias: boolean;
  /** Copies of the layer, computed as one batched product and averaged. */
  readonly copies: number;
}

const layer: fc.Arbitrary<Layer> = fc.record({
  width: fc.integer({ min: 1, max: 6 }),
  activation: fc.constantFrom(...(Object.keys(activations) as Activation[])),
  bias: fc.boolean(),
  copies: fc.integer({ min: 1, max: 3 }),
});

const network = fc.record({
  inputs: fc.integer({ min: 1, max: 5 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 3 }),
  gathered: fc.boolean(),
  loss: fc.constantFrom(...(Object.keys(losses) as Loss[])),
});

type Shape = typeof network extends fc.Arbitrary<infer T> ? T : never;

/** Loss and the gradients of inputs and weights of a random network, optionally with rows gathered from requests. */
function training({ inputs, layers, gathered, loss }: Shape): TraceOptions {
  const outputs = layers.at(-1)!.width;
  const weights = layers.flatMap(({ width, bias, copies }, index): TensorSpec[] => {
    const below = index === 0 ? inputs : layers[index - 1]!.width;
    const kernel: TensorSpec = { name: `w${index}`, dtype: 'float32', shape: [copies, below, width] };
    return bias ? [kernel, { name: `b${index}`, dtype: 'float32', shape: [width] }] : [kernel];
  });
  const specs: TensorSpec[] = [
    { name: 'x', dtype: 'float32', shape: [gathered ? 'requests' : 'rows', inputs] },
    { name: 'of', dtype: 'int32', shape: ['rows'] },
    { name: 'y', dtype: 'float32', shape: ['rows', outputs] },
    ...weights,
  ];
  const learned = ['x', ...weights.map(({ name }) => name)];
  return {
    name: 'network',
    inputs: specs,
    run: (given) => {
      const objective = (...values: tf.Tensor[]) => {
        const tensors = Object.fromEntries(learned.map((name, index) => [name, values[index]!]));
        const start = gathered ? tf.gather(tensors['x']!, given['of'] as tf.Tensor1D) : tensors['x']!;
        const end = layers.reduce((below, { activation, bias, copies }, index) => {
          const each = tf.matMul(below.expandDims(0).tile([copies, 1, 1]), tensors[`w${index}`]!).mean(0);
          return activations[activation](bias ? each.add(tensors[`b${index}`]!) : each);
        }, start);
        return losses[loss](end, given['y']!).asScalar();
      };
      const { value, grads } = tf.valueAndGrads(objective)(learned.map((name) => given[name]!));
      return { loss: value, ...Object.fromEntries(learned.map((name, index) => [`d_${name}`, grads[index]!])) };
    },
  };
}

describe('random small networks', () => {
  test('have the loss and the gradients that tfjs computes, to 1e-5', async () => {
    await fc.assert(
      fc.asyncProperty(network, async (shape) => {
        const result = await compareWithTfjs(training(shape), { of: [0, 2], x: [-1, 1], y: [-1, 1] });
        // A gradient that cancels to nearly nothing has no relative precision: its rounding errors are those of its terms.
        for (const { maxRelative, maxAbsolute } of Object.values(result.outputs)) {
          expect(Math.min(maxRelative, maxAbsolute * 10)).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 25, seed: 20260801 },
    );
  });
});
