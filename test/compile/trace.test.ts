import { describe, expect, test } from '@jest/globals';
import { decodeModel, tf, trace } from '../../training/compile/index.js';
import type { TensorSpec, TraceOptions } from '../../training/compile/index.js';
import { WatchnextError } from '../../src/errors.js';
import { compareWithTfjs } from './runtime.js';

const x: TensorSpec = { name: 'x', dtype: 'float32', shape: ['rows', 4] };
const fixedWeights = (...shape: number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.sin(index + 1));

function failure(run: TraceOptions['run'], inputs: readonly TensorSpec[] = [x]): WatchnextError {
  try {
    trace({ name: 'failing', inputs, run });
  } catch (error) {
    if (error instanceof WatchnextError) return error;
    throw error;
  }
  throw new Error('The trace did not fail.');
}

const thisFile = /trace\.test\.ts:\d+$/;

describe('a traced function', () => {
  test('leaves no tensors, keeps the backend, and weights keep their names', () => {
    tf.backend();
    const before = { tensors: tf.memory().numTensors, backend: tf.getBackend() };
    const model = trace({
      name: 'dense',
      inputs: [x],
      constants: [{ name: 'w', shape: [4, 2], values: fixedWeights(4, 2) }],
      run: ({ x: rows, w }) => ({ y: tf.relu(tf.matMul(rows!, w!)) }),
      metadata: { ranker: 'demo' },
    });
    const { graph, metadataProps } = decodeModel(model.bytes);
    expect({ tensors: tf.memory().numTensors, backend: tf.getBackend() }).toEqual(before);
    expect(graph.initializer.map(({ name }) => name)).toEqual(['w']);
    expect(metadataProps).toEqual([{ key: 'ranker', value: 'demo' }]);
    expect(model.ops).toEqual({ MatMul: 1, Relu: 1 });
    expect(model.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['rows', 2] }]);
  });

  test('cleans up after a function that throws', () => {
    tf.backend();
    const before = { tensors: tf.memory().numTensors, backend: tf.getBackend() };
    const run: TraceOptions['run'] = ({ x: rows }) => {
      tf.relu(rows!);
      throw new TypeError('a mistake of the model');
    };
    expect(() => trace({ name: 'broken', inputs: [x], run })).toThrow('a mistake of the model');
    expect({ tensors: tf.memory().numTensors, backend: tf.getBackend() }).toEqual(before);
  });

  test('gives the same bytes every time', () => {
    const options: TraceOptions = { name: 'same', inputs: [x], run: ({ x: rows }) => ({ y: tf.softmax(rows!) }) };
    expect(trace(options).bytes).toEqual(trace(options).bytes);
  });

  test('does equal work once and unneeded work never', () => {
    const { ops } = trace({
      name: 'twice',
      inputs: [x],
      run: ({ x: rows }) => {
        tf.exp(rows!);
        const y = tf.sigmoid(rows!).add(tf.sigmoid(rows!).mul(tf.onesLike(rows!)));
        return { y: tf.reshape(tf.cast(tf.transpose(tf.transpose(y), [1, 0]), 'float32'), [-1, 4]) };
      },
    });
    expect(ops).toEqual({ Sigmoid: 1, Add: 1 });
  });

  test('may return an input, a weight and one value under two names', async () => {
    const result = await compareWithTfjs({
      name: 'aliases',
      inputs: [x],
      constants: [{ name: 'w', shape: [2], values: fixedWeights(2) }],
      run: ({ x: rows, w }) => {
        const y = tf.neg(rows!);
        return { same: rows!, weight: w!, y, again: y, shape: tf.tensor1d([rows!.shape[0], 4]) };
      },
    });
    expect(result.maxAbsolute).toBe(0);
  });

  test('may use tensors made outside, which stay usable', async () => {
    const outside = tf.tensor2d(fixedWeights(4, 3), [4, 3]);
    const result = await compareWithTfjs({
      name: 'closure',
      inputs: [x],
      run: ({ x: rows }) => ({ y: tf.matMul(rows!, outside) }),
    });
    expect(result.maxRelative).toBeLessThan(1e-6);
    expect(outside.sum().dataSync()[0]).toBeCloseTo(
      fixedWeights(12).reduce((a, b) => a + b),
      5,
    );
    outside.dispose();
  });

  test('works on an empty batch', async () => {
    const { runOnnx } = await import('./runtime.js');
    const model = trace({
      name: 'empty',
      inputs: [x],
      run: ({ x: rows }) => ({ y: tf.softmax(tf.reshape(rows!, [-1, 2])) }),
    });
    const { y } = await runOnnx(model.bytes, { x: { data: new Float32Array(0), shape: [0, 4] } });
    expect(y!.shape).toEqual([0, 2]);
  });
});

describe('gradients', () => {
  test('of a gather add up where a row is read more than once', async () => {
    const result = await compareWithTfjs(
      {
        name: 'gather',
        inputs: [
          { name: 'table', dtype: 'float32', shape: ['requests', 12] },
          { name: 'of', dtype: 'int32', shape: ['rows'] },
          { name: 'w', dtype: 'float32', shape: [12, 2] },
        ],
        run: ({ table, of, w }) => {
          const loss = (rows: tf.Tensor, weights: tf.Tensor) =>
            tf
              .matMul(tf.gather(rows, of as tf.Tensor1D), weights)
              .square()
              .mean()
              .asScalar();
          const [rows, weights] = tf.grads(loss)([table!, w!]);
          return { rows: rows!, weights: weights! };
        },
      },
      { of: [0, 2] },
    );
    expect(result.maxRelative).toBeLessThan(1e-5);
  });

  test('of a mixture of experts with masked losses, and an Adam step', async () => {
    const shapes = { experts: [3, 4, 5], bias: [3, 1, 5], gates: [2, 4, 3], tower: [2, 5, 1] };
    const specs = (role: string): TensorSpec[] =>
      Object.entries(shapes).map(([name, shape]) => ({ name: `${role}/${name}`, dtype: 'float32', shape }));
    const names = Object.keys(shapes);
    const options: TraceOptions = {
      name: 'step',
      inputs: [
        x,
        { name: 'labels', dtype: 'float32', shape: ['rows', 2] },
        { name: 'mask', dtype: 'bool', shape: ['rows', 2] },
        { name: 'step', dtype: 'float32', shape: [] },
        ...['w', 'm', 'v'].flatMap(specs),
      ],
      run: (given) => {
        const loss = (...values: tf.Tensor[]) => {
          const [experts, bias, gates, tower] = values as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
          const rows = given['x']!.expandDims(0);
          const hidden = tf.relu(tf.matMul(rows.tile([3, 1, 1]), experts).add(bias)); // [experts, rows, width]
          const weights = tf.softmax(tf.matMul(rows.tile([2, 1, 1]), gates)); // [tasks, rows, experts]
          const mixed = tf.matMul(weights.transpose([1, 0, 2]), hidden.transpose([1, 0, 2])); // [rows, tasks, width]
          const logits = tf
            .matMul(mixed.transpose([1, 0, 2]), tower)
            .squeeze([2])
            .transpose();
          const entropy = tf.softplus(logits).sub(logits.mul(given['labels']!));
          return tf.where(given['mask']!, entropy, tf.zerosLike(entropy)).mean().asScalar();
        };
        const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => given[`w/${name}`]!));
        const correction = tf.sub(1, tf.pow(0.9, given['step']!));
        const outputs = names.map((name, index) => {
          const m = given[`m/${name}`]!.mul(0.9).add(grads[index]!.mul(0.1));
          const v = given[`v/${name}`]!.mul(0.999).add(grads[index]!.square().mul(0.001));
          const w = given[`w/${name}`]!.sub(m.div(correction).div(v.sqrt().add(1e-4)).mul(0.01));
          return { [`next/m/${name}`]: m, [`next/v/${name}`]: v, [`next/w/${name}`]: w };
        });
        return Object.assign({ loss: value }, ...outputs) as Record<string, tf.Tensor>;
      },
    };
    const positive = Object.fromEntries(names.map((name) => [`v/${name}`, [0.01, 0.02]] as const));
    const result = await compareWithTfjs(options, { ...positive, step: [3, 3], labels: [0, 1] });
    expect(Object.keys(result.outputs)).toHaveLength(13);
    expect(result.maxRelative).toBeLessThan(1e-5);
  });

  test('of abs, max, division and the like, through functions with their own gradients', async () => {
    const square = tf.customGrad((...args) => {
      const [value, save] = args as unknown as [tf.Tensor, (tensors: tf.Tensor[]) => void];
      save([value]);
      return { value: value.square(), gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => dy.mul(saved[0]!.mul(2)) };
    });
    const result = await compareWithTfjs({
      name: 'mixed',
      inputs: [x],
      run: ({ x: rows }) => {
        const f = (v: tf.Tensor) =>
          tf
            .addN([
              tf.abs(v).sum(),
              v.max(1).sum(),
              tf.div(v, tf.abs(v).add(1)).mean(),
              tf.concat([v, v.neg()], 1).slice([1, 2], [-1, 3]).sum(),
              tf.logSumExp(v, 1).mean(),
              tf.leakyRelu(v).elu().selu().sum(),
              square(v).sum(),
              tf.log1p(tf.exp(v)).add(tf.expm1(v)).mean(),
              tf.clipByValue(v, -1, 1).maximum(v.mul(0.5)).sum(),
              tf.softmax(v).log().mean(0).sum(),
              tf.stack(tf.unstack(v, 1), 0).pow(2).sum(),
            ])
            .asScalar();
        return { gradient: tf.grad(f)(rows!) };
      },
    });
    expect(result.maxRelative).toBeLessThan(1e-5);
  });
});

describe('what cannot be compiled is refused with the reason and the line', () => {
  test('a kernel without an ONNX form: op, kernel and line', () => {
    const error = failure(({ x: rows }) => ({ y: tf.tan(rows!) }));
    expect(error.code).toBe('kernel_not_covered');
    expect(error.message).toMatch(/tf\.tan .*kernel Tan/);
    expect(error.problems[0]?.path).toMatch(thisFile);
  });

  test('a variant of a kernel without an ONNX form', () => {
    const error = failure(
      ({ x: rows, i }) => ({ y: tf.gather(rows!, i!, 1, 1) }),
      [x, { name: 'i', dtype: 'int32', shape: ['rows', 2] }],
    );
    expect(error.code).toBe('kernel_not_covered');
    expect(error.message).toMatch(/tf\.gather.*batchDims/);
    expect(error.problems[0]?.path).toMatch(thisFile);
  });

  test.each<[string, TraceOptions['run']]>([
    ['dataSync', ({ x: rows }) => ({ y: tf.scalar(rows!.dataSync()[0]!) })],
    ['arraySync', ({ x: rows }) => ({ y: tf.scalar((rows!.sum().arraySync() as number) + 1) })],
    ['data', ({ x: rows }) => (void rows!.data(), { y: rows! })],
  ])('reading data with %s', (_, run) => {
    const error = failure(run);
    expect(error.code).toBe('trace_invalid');
    expect(error.message).toMatch(/reads the data of a tensor/);
    expect(error.problems[0]?.path).toMatch(thisFile);
  });

  test.each<[string, TraceOptions['run']]>([
    ['tf.randomUniform', ({ x: rows }) => ({ y: rows!.mul(tf.randomUniform([4])) })],
    ['tf.dropout', ({ x: rows }) => ({ y: tf.dropout(rows!, 0.5) })],
    ['a random number', ({ x: rows }) => ({ y: rows!.mul(tf.scalar(Math.random())) })],
    ['a random number as an attribute', ({ x: rows }) => ({ y: tf.clipByValue(rows!, 0, 1 + Math.random()) })],
    ['tf.eye of an open size', ({ x: rows }) => ({ y: tf.matMul(tf.eye(rows!.shape[0]), rows!) })],
  ])('constants that are not constant: %s', (_, run) => {
    const error = failure(run);
    expect(error.code).toBe('trace_invalid');
    expect(error.message).toMatch(/random/);
    expect(error.problems[0]?.path).toMatch(thisFile);
  });

  test('tf.multinomial', () => {
    expect(failure(({ x: rows }) => ({ y: tf.multinomial(rows as tf.Tensor2D, 3) })).code).toBe('kernel_not_covered');
  });

  test('a function that does something else at another size', () => {
    let call = 0;
    const error = failure(({ x: rows }) => ({ y: (call++ === 0 ? tf.relu : tf.sigmoid)(rows!) }));
    expect(error.code).toBe('trace_invalid');
    expect(error.message).toMatch(/takes different steps/);
    expect(error.problems[0]?.path).toMatch(thisFile);
  });

  test('a shape that is no polynomial of the open sizes', () => {
    const error = failure(({ x: rows }) => ({ y: tf.slice(rows!, [0, 0], [Math.ceil(rows!.shape[0] / 2), 4]) }));
    expect(error.code).toBe('trace_invalid');
    expect(error.problems[0]?.path).toMatch(thisFile);
  });

  test('names used twice and weights of the wrong length, all at once', () => {
    const constants = [{ name: 'x', shape: [3], values: new Float32Array(2) }];
    expect(() => trace({ name: 'names', inputs: [x], constants, run: ({ x: rows }) => ({ y: rows! }) })).toThrow(
      /named x.*2 values.*needs 3/,
    );
  });
});
