import { describe, expect, test } from '@jest/globals';
import { tf } from '../../training/compile/index.js';
import type { ConstantSpec, Dimension, ElementType, TensorSpec } from '../../training/compile/index.js';
import { kernels } from '../../training/compile/kernels/index.js';
import { compareWithTfjs } from './runtime.js';
import type { Interval } from './runtime.js';

type Tensors = Readonly<Record<string, tf.Tensor>>;

interface Case {
  readonly inputs: readonly TensorSpec[];
  readonly run: (tensors: Tensors) => tf.Tensor | tf.Tensor[];
  readonly ranges?: Readonly<Record<string, Interval>>;
  readonly constants?: readonly ConstantSpec[];
}

const spec = (name: string, shape: readonly Dimension[], dtype: ElementType = 'float32'): TensorSpec => ({
  name,
  dtype,
  shape,
});
const x = spec('x', ['rows', 6]);

/** One input x of floats, on the elements alone. */
const each = (apply: (x: tf.Tensor) => tf.Tensor, range: Interval = [-3, 3]): Case => ({
  inputs: [x],
  run: (given) => apply(given['x']!),
  ranges: { x: range },
});

/** Equal shapes, a row vector, a column and a scalar constant: all ways to broadcast. */
const both = (apply: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, range: Interval = [-3, 3]): Case => ({
  inputs: [spec('a', ['rows', 6]), spec('b', ['rows', 6]), spec('row', [6]), spec('column', ['rows', 1])],
  run: ({ a, b, row, column }) => [apply(a!, b!), apply(a!, row!), apply(row!, column!), apply(tf.scalar(1.5), b!)],
  ranges: { a: range, b: range, row: range, column: range },
});

/** Two small integers, so that equality happens. */
const whole = (apply: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, low = -3): Case => ({
  inputs: [spec('a', ['rows', 6], 'int32'), spec('b', ['rows', 6], 'int32'), spec('f', ['rows', 6])],
  run: ({ a, b, f }) => [apply(a!, b!), apply(tf.cast(a!, 'float32'), tf.cast(b!, 'float32')), apply(f!, f!)],
  ranges: { a: [low, 4], b: [low, 4] },
});

const logical = (apply: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Case => ({
  inputs: [spec('a', ['rows', 6], 'bool'), spec('b', ['rows', 6], 'bool'), spec('c', [6], 'bool')],
  run: ({ a, b, c }) => [apply(a!, b!), apply(a!, c!)],
});

const over = (
  apply: (x: tf.Tensor, axis?: number | number[], keep?: boolean) => tf.Tensor,
  range: Interval = [-3, 3],
): Case => ({
  inputs: [spec('x', ['rows', 3, 4])],
  run: ({ x: t }) => [apply(t!), apply(t!, 0), apply(t!, [0, 2], true), apply(t!, -1), apply(t!, 1, true)],
  ranges: { x: range },
});

const truths = (apply: (x: tf.Tensor, axis?: number, keep?: boolean) => tf.Tensor): Case => ({
  inputs: [spec('x', ['rows', 2], 'bool')],
  run: ({ x: t }) => [apply(t!), apply(t!, 0), apply(t!, 1, true)],
});

const kernel = (name: string, inputs: Tensors, attributes: tf.NamedAttrMap = {}): tf.Tensor =>
  tf.engine().runKernel(name, { ...inputs }, attributes);

const cases: Readonly<Record<string, Case>> = {
  Identity: each((t) => tf.clone(t)),
  Cast: {
    inputs: [x, spec('i', ['rows'], 'int32'), spec('b', ['rows'], 'bool')],
    run: ({ x: f, i, b }) => [
      ...(['int32', 'bool', 'float32'] as const).flatMap((type) => [
        tf.cast(f!, type),
        tf.cast(i!, type),
        tf.cast(b!, type),
      ]),
    ],
  },
  Neg: each(tf.neg),
  Abs: each(tf.abs),
  Sign: each((t) => tf.sign(tf.round(t))),
  Exp: each(tf.exp),
  Expm1: { inputs: [x], run: ({ x: t }) => [tf.expm1(t!), tf.expm1(tf.mul(t!, 1e-4)), tf.expm1(tf.mul(t!, 60))] },
  Log: each(tf.log, [0.01, 3]),
  Log1p: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.log1p(tf.mul(t!, 0.49)),
      tf.log1p(tf.mul(t!, 1e-4)),
      tf.log1p(tf.exp(t!)),
      tf.log1p(tf.square(tf.mul(t!, 1e4))),
    ],
  },
  Sqrt: each(tf.sqrt, [0, 4]),
  Rsqrt: each(tf.rsqrt, [0.1, 4]),
  Square: each(tf.square),
  Reciprocal: each(tf.reciprocal, [0.1, 4]),
  Floor: each(tf.floor),
  Ceil: each(tf.ceil),
  Round: each((t) => tf.concat([tf.round(t), tf.round(tf.mul(tf.round(t), 0.5))])),
  Sin: each(tf.sin),
  Cos: each(tf.cos),
  Erf: each(tf.erf),
  LogicalNot: logical((a, b) => tf.logicalNot(tf.logicalAnd(a, b))),
  IsNan: each((t) => tf.isNaN(tf.log(t))),
  IsInf: each((t) => tf.isInf(tf.div(t, tf.relu(t)))),
  IsFinite: each((t) => tf.isFinite(tf.div(t, tf.relu(t)))),
  Step: each((t) => tf.concat([tf.step(t), tf.step(t, -1), tf.step(tf.sub(t, t), 0.25)])),
  ClipByValue: each((t) => tf.clipByValue(t, -0.5, 1)),
  Add: both(tf.add),
  Sub: both(tf.sub),
  Multiply: both(tf.mul),
  RealDiv: both(tf.div, [0.5, 3]),
  FloorDiv: whole((a, b) => tf.floorDiv(a, tf.add(b, tf.scalar(1, b.dtype))), 1),
  Mod: both(tf.mod, [-3.3, 3.1]),
  Maximum: both(tf.maximum),
  Minimum: both(tf.minimum),
  Pow: both(tf.pow, [0.2, 2]),
  SquaredDifference: both(tf.squaredDifference),
  Equal: whole(tf.equal),
  NotEqual: whole(tf.notEqual),
  Greater: whole(tf.greater),
  GreaterEqual: whole(tf.greaterEqual),
  Less: whole(tf.less),
  LessEqual: whole(tf.lessEqual),
  LogicalAnd: logical(tf.logicalAnd),
  LogicalOr: logical(tf.logicalOr),
  AddN: { inputs: [x], run: ({ x: t }) => tf.addN([t!, tf.square(t!), tf.onesLike(t!)]) },
  Relu: each(tf.relu),
  Relu6: each((t) => tf.relu6(tf.mul(t, 4))),
  LeakyRelu: each((t) => tf.leakyRelu(t, 0.1)),
  Elu: each(tf.elu),
  EluGrad: {
    inputs: [x, spec('dy', ['rows', 6])],
    run: ({ x: t, dy }) => kernel('EluGrad', { dy: dy!, y: tf.elu(t!) }),
  },
  Selu: each(tf.selu),
  Prelu: { inputs: [x, spec('slope', [6])], run: ({ x: t, slope }) => tf.prelu(t!, slope!) },
  Sigmoid: each(tf.sigmoid, [-20, 20]),
  Tanh: each(tf.tanh),
  Softplus: each(tf.softplus, [-20, 20]),
  Softmax: { inputs: [spec('x', ['rows', 3, 4])], run: ({ x: t }) => [tf.softmax(t!), tf.logSoftmax(t!)] },
  Sum: over((t, axis, keep) => tf.sum(t, axis, keep)),
  Mean: over((t, axis, keep) => tf.mean(t, axis, keep)),
  Prod: over((t, axis, keep) => tf.prod(t, axis, keep), [0.8, 1.2]),
  Max: over((t, axis, keep) => tf.max(t, axis, keep)),
  Min: over((t, axis, keep) => tf.min(t, axis, keep)),
  All: truths(tf.all),
  Any: truths(tf.any),
  ArgMax: { inputs: [x], run: ({ x: t }) => [tf.argMax(t!, 1), tf.argMax(t!, 0)] },
  ArgMin: { inputs: [x], run: ({ x: t }) => [tf.argMin(t!, -1), tf.argMin(t!, 0)] },
  Cumsum: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.cumsum(t!, 1),
      tf.cumsum(t!, 0, true),
      tf.cumsum(t!, 1, false, true),
      tf.cumsum(t!, 0, true, true),
    ],
  },
  Reshape: {
    inputs: [spec('x', ['rows', 2, 6])],
    run: ({ x: t }) => [
      tf.reshape(t!, [-1, 4]),
      tf.reshape(t!, [t!.shape[0], 3, 4]),
      tf.reshape(t!, [3, t!.shape[0] * 4]),
      tf.reshape(t!, [2, t!.shape[0], 6]),
      tf.reshape(tf.reshape(t!, [-1, 12]), [t!.shape[0], 2, 6]),
      tf.squeeze(tf.reshape(t!, [t!.shape[0], 1, 12, 1])),
    ],
  },
  ExpandDims: { inputs: [x], run: ({ x: t }) => [tf.expandDims(t!, 0), tf.expandDims(t!, -1), tf.expandDims(t!, 1)] },
  Transpose: {
    inputs: [spec('x', ['rows', 2, 3])],
    run: ({ x: t }) => [
      tf.transpose(t!),
      tf.transpose(t!, [0, 2, 1]),
      tf.transpose(t!, [1, 0, 2]),
      tf.transpose(t!, [0, 1, 2]),
    ],
  },
  Concat: {
    inputs: [x, spec('y', ['requests', 6]), spec('z', ['rows', 2])],
    run: ({ x: t, y, z }) => [tf.concat([t!, y!], 0), tf.concat([t!, z!], -1)],
  },
  Pack: {
    inputs: [x],
    run: ({ x: t }) => [tf.stack([t!, tf.neg(t!)]), tf.stack([t!, tf.neg(t!)], 1), tf.stack([t!, t!], -1)],
  },
  Unpack: {
    inputs: [spec('x', ['rows', 2, 3])],
    run: ({ x: t }) => [...tf.unstack(t!, 1), ...tf.unstack(t!, -1), ...tf.unstack(tf.slice(t!, [0, 0], [-1, 1]), 1)],
  },
  Slice: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.slice(t!, [0, 2], [-1, 3]),
      tf.slice(t!, [1], [2]),
      tf.slice(t!, [t!.shape[0] - 2, 0], [2, 6]),
      tf.slice(t!, [0, 0], [t!.shape[0] - 1, 6]),
    ],
  },
  SplitV: {
    inputs: [x],
    run: ({ x: t }) => [
      ...tf.split(t!, 3, 1),
      ...tf.split(t!, [1, 2, 3], -1),
      ...tf.split(t!, [1, t!.shape[0] - 1], 0),
      ...tf.split(t!, [6], 1),
    ],
  },
  StridedSlice: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.stridedSlice(t!, [0, 0], [2, 6], [1, 2]),
      tf.stridedSlice(t!, [0, 5], [3, 0], [2, -2]),
      tf.stridedSlice(t!, [0, 0], [0, 0], [1, -1], 3, 3),
      tf.stridedSlice(t!, [0, -1], [9, 9], [1, 1], 1, 1, 0, 0, 2),
    ],
  },
  Tile: {
    inputs: [x, spec('v', [6]), spec('c', ['rows', 1])],
    run: ({ x: t, v, c }) => [
      tf.tile(t!, [2, 3]),
      tf.tile(tf.reshape(v!, [1, 6]), [t!.shape[0], 1]),
      tf.broadcastTo(v!, [t!.shape[0], 6]),
      tf.tile(c!, [1, 5]),
      tf.tile(v!, [t!.shape[0] + 1]),
    ],
  },
  Reverse: { inputs: [x], run: ({ x: t }) => [tf.reverse(t!, 1), tf.reverse(t!, 0), tf.reverse(t!)] },
  PadV2: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.pad(
        t!,
        [
          [1, 2],
          [0, 3],
        ],
        0.5,
      ),
      tf.pad(t!, [
        [0, t!.shape[0]],
        [0, 0],
      ]),
    ],
  },
  ZerosLike: each((t) => tf.zerosLike(t)),
  OnesLike: each((t) => tf.onesLike(t)),
  Fill: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.fill([t!.shape[0], 2], 1.5),
      tf.fill([3], t!.shape[0]),
      tf.fill([2, 2], 7, 'int32'),
      tf.fill([t!.shape[0]], 1 / t!.shape[0]),
    ],
  },
  Range: {
    inputs: [x],
    run: ({ x: t }) => [
      tf.range(0, 5),
      tf.range(0, t!.shape[0], 1, 'int32'),
      tf.range(t!.shape[0], -2, -1),
      tf.range(1, 3, 0.5),
    ],
  },
  Select: {
    inputs: [spec('c', ['rows', 6], 'bool'), x, spec('y', ['rows', 6])],
    run: ({ c, x: t, y }) => [
      tf.where(c!, t!, y!),
      tf.where(c!, t!, tf.zerosLike(t!)),
      tf.where(c!, tf.greater(t!, 0), tf.less(y!, 0)),
    ],
  },
  OneHot: {
    inputs: [spec('i', ['rows', 2], 'int32'), x],
    run: ({ i, x: t }) => [tf.oneHot(i!, 5), tf.oneHot(i!, 4, 2, -1), tf.oneHot(i!, t!.shape[0], 1, 0, 'float32')],
    ranges: { i: [-1, 5] },
  },
  GatherV2: {
    inputs: [x, spec('i', [5], 'int32'), spec('ii', ['rows', 2], 'int32')],
    run: ({ x: t, i, ii }) => [tf.gather(t!, i!), tf.gather(t!, i!, 1), tf.gather(t!, ii!, 0)],
  },
  GatherNd: {
    inputs: [x, spec('one', ['rows', 1], 'int32'), spec('two', [4, 2], 'int32')],
    run: ({ x: t, one, two }) => [tf.gatherND(t!, one!), tf.gatherND(t!, two!)],
  },
  ScatterNd: {
    inputs: [
      spec('i', ['rows', 1], 'int32'),
      spec('two', ['rows', 2], 'int32'),
      spec('u', ['rows', 3]),
      spec('v', ['rows']),
      spec('wide', ['rows', 3, 4]),
      spec('whole', ['rows', 12], 'int32'),
    ],
    run: ({ i, two, u, v, wide, whole }) => [
      tf.scatterND(i!, u!, [4, 3]),
      tf.scatterND(i!, wide!, [4, 3, 4]),
      tf.scatterND(i!, wide!, [wide!.shape[0] + 1, 3, 4]),
      tf.scatterND(i!, whole!, [4, 12]),
      tf.scatterND(two!, tf.reshape(wide!, [-1, 12]), [wide!.shape[0] + 1, 3, 12]),
      tf.scatterND(two!, v!, [3, 3]),
      tf.scatterND(i!, u!, [u!.shape[0] + 1, 3]),
    ],
  },
  UnsortedSegmentSum: {
    inputs: [spec('u', ['rows', 4]), spec('wide', ['rows', 12]), spec('s', ['rows'], 'int32')],
    run: ({ u, wide, s }) => [
      tf.unsortedSegmentSum(wide!, s! as tf.Tensor1D, 3),
      tf.unsortedSegmentSum(wide!, s! as tf.Tensor1D, 500),
      tf.unsortedSegmentSum(wide!, s! as tf.Tensor1D, wide!.shape[0]),
      tf.unsortedSegmentSum(u!, s! as tf.Tensor1D, 3),
      tf.unsortedSegmentSum(u!, s! as tf.Tensor1D, u!.shape[0]),
    ],
  },
  BatchMatMul: {
    inputs: [
      spec('a', ['rows', 3]),
      spec('b', ['rows', 4]),
      spec('w', [3, 5]),
      spec('e', [2, 'rows', 3]),
      spec('we', [2, 3, 4]),
      spec('s', ['rows', 2, 3]),
    ],
    run: ({ a, b, w, e, we, s }) => [
      tf.matMul(a!, w!),
      tf.matMul(a!, b!, true),
      tf.matMul(w!, a!, true, true),
      tf.matMul(b!, b!, false, true),
      tf.matMul(tf.transpose(a!), b!),
      tf.matMul(e!, we!),
      tf.matMul(we!, e!, true, true),
      tf.matMul(e!, e!, true, false),
      tf.matMul(a!, we!),
      tf.matMul(s!, s!, false, true),
      tf.matMul(tf.expandDims(a!, 0), tf.expandDims(w!, 0)),
    ],
  },
  _FusedMatMul: {
    inputs: [spec('a', ['rows', 3]), spec('w', [3, 4]), spec('bias', [4]), spec('slope', [4])],
    run: ({ a, w, bias, slope }) => [
      ...(['linear', 'relu', 'relu6', 'elu', 'sigmoid'] as const).map((activation) =>
        tf.fused.matMul({ a: a!, b: w!, bias: bias!, activation }),
      ),
      tf.fused.matMul({ a: a!, b: w!, activation: 'leakyrelu', leakyreluAlpha: 0.2 }),
      tf.fused.matMul({ a: w!, b: a!, transposeA: true, transposeB: true }),
      tf.fused.matMul({ a: a!, b: w!, bias: bias!, activation: 'prelu', preluActivationWeights: slope! }),
    ],
  },
  Einsum: {
    inputs: [spec('g', ['rows', 2, 3]), spec('e', ['rows', 3, 4])],
    run: ({ g, e }) => [tf.einsum('rte,reh->rth', g!, e!), tf.einsum('rte->re', g!)],
  },
};

describe('every compiled kernel computes what tfjs computes, at sizes it was not traced at', () => {
  test('each registered kernel has a case here, and no case is left over', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(kernels).sort());
  });

  test.each(Object.keys(cases))('%s', async (name) => {
    const { inputs, run, ranges, constants } = cases[name]!;
    const result = await compareWithTfjs(
      {
        name,
        inputs,
        ...(constants === undefined ? {} : { constants }),
        run: (tensors) => {
          const outputs = run(tensors);
          return Object.fromEntries(
            (Array.isArray(outputs) ? outputs : [outputs]).map((output, index) => [`out${index}`, output]),
          );
        },
      },
      ranges,
    );
    for (const [output, { maxRelative }] of Object.entries(result.outputs)) {
      expect({ output, agrees: maxRelative < 3e-6, maxRelative }).toMatchObject({ output, agrees: true });
    }
  });
});
