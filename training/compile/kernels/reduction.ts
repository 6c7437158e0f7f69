import { tf } from '../tfjs.js';
import type { ElementType } from '../types.js';
import type { Emission, Kernel, KernelTable, RecordedInputs } from './kernel.js';
import { input } from './kernel.js';

interface Reduction {
  readonly op: string;
  /** Where tfjs keeps the axes: an attribute's name. */
  readonly axes?: string;
  readonly dtype?: ElementType;
  /** The type to compute in; bool reductions count as numbers. */
  readonly computeIn?: ElementType;
}

function axesOf(call: RecordedInputs | Emission, rank: number, attribute: string): number[] {
  const all = Array.from({ length: rank }, (_, axis) => axis);
  if (!call.attributes.has(attribute)) return all;
  const axes = call.attributes.numbers(attribute);
  return axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
}

/** Reduces over axes; keepDims keeps them as ones. */
function reduction({ op, axes = 'axis', dtype, computeIn }: Reduction): Kernel {
  return {
    infer: (call) => {
      const x = input(call.inputs, 'x');
      const reduced = axesOf(call, x.shape.length, axes);
      const [outer] = tf.backend_util.computeOutAndReduceShapes([...x.shape], reduced);
      const shape = call.attributes.flag('keepDims') ? tf.backend_util.expandShapeToKeepDim(outer, reduced) : outer;
      return { shape, dtype: dtype ?? x.dtype };
    },
    emit: (call) => {
      const { write, result, attributes } = call;
      const x = input(call.inputs, 'x');
      const reduced = axesOf(call, x.shape.length, axes);
      const internal = computeIn ?? x.dtype;
      const source = write.cast(x.name, x.dtype, internal);
      if (reduced.length === 0) return write.cast(source, internal, result.dtype);
      const keepdims = attributes.flag('keepDims') ? 1 : 0;
      const value = write.node(op, [source, write.integers(reduced)], { keepdims });
      return write.cast(value, internal, result.dtype);
    },
  };
}

function argument(op: string): Kernel {
  return {
    infer: ({ inputs, attributes }) => {
      const { shape } = input(inputs, 'x');
      const [axis] = tf.util.parseAxisParam(attributes.numbers('axis'), [...shape]);
      return { shape: shape.filter((_, index) => index !== axis), dtype: 'int32' };
    },
    emit: ({ inputs, attributes, write }) => {
      const [axis = 0] = attributes.numbers('axis');
      return write.cast(write.node(op, [input(inputs, 'x').name], { axis, keepdims: 0 }), 'int64', 'int32');
    },
  };
}

export const reductionKernels: KernelTable = {
  Sum: reduction({ op: 'ReduceSum' }),
  Mean: reduction({ op: 'ReduceMean', dtype: 'float32', computeIn: 'float32' }),
  Prod: reduction({ op: 'ReduceProd' }),
  Max: reduction({ op: 'ReduceMax', axes: 'reductionIndices' }),
  Min: reduction({ op: 'ReduceMin' }),
  All: reduction({ op: 'ReduceMin', dtype: 'bool', computeIn: 'int32' }),
  Any: reduction({ op: 'ReduceMax', dtype: 'bool', computeIn: 'int32' }),
  ArgMax: argument('ArgMax'),
  ArgMin: argument('ArgMin'),
  Cumsum: {
    infer: ({ inputs }) => input(inputs, 'x'),
    emit: ({ inputs, attributes, write }) =>
      write.node(
        'CumSum',
        [input(inputs, 'x').name, write.graph.constant(BigInt64Array.of(BigInt(attributes.number('axis'))), [])],
        {
          exclusive: attributes.flag('exclusive') ? 1 : 0,
          reverse: attributes.flag('reverse') ? 1 : 0,
        },
      ),
  },
};
