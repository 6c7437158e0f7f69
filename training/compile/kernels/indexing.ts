import type { NodeWriter } from '../nodes.js';
import { elementCount } from '../sizes.js';
import type { Size } from '../sizes.js';
import { UncoveredVariant, input } from './kernel.js';
import type { Emission, KernelTable, Operand } from './kernel.js';

const wholeIndices = ({ write }: Emission, indices: Operand): string =>
  write.cast(indices.name, indices.dtype, 'int64');

/** Beyond this width (elements per row) adding element by element takes longer than a product with a one-hot matrix. */
const maxScatterWidth = 8;
/** Unless there are this many times more segments than elements per row. */
const manySegments = 40;

interface RowSum {
  /** [rows] int32: the segment of each row. */
  readonly segments: Operand;
  /** [rows, width] */
  readonly rows: Operand;
  readonly count: Size;
}

/**
 * Sums rows into segments, [count, width]; rows of the same segment add up, rows outside are left out or refused.
 *
 * ONNX's ScatterND with reduction add would be the natural op, but ONNX Runtime (1.30, CPU) splits it over threads without
 * guarding rows that meet: with two threads sums were off by their own size (2048 x 2080 rows into 102). ScatterElements
 * runs on one thread: right, but 20 times slower for wide rows (190 ms), where a product with a one-hot matrix takes 12 ms.
 */
function sumRows({ segments, rows, count }: RowSum, { write, result }: Emission): string {
  const width = rows.shape[1] ?? 1;
  const narrow = typeof width === 'number' && width <= maxScatterWidth;
  const sparse = typeof width === 'number' && typeof count === 'number' && count > manySegments * width;
  if (narrow || sparse || result.dtype !== 'float32') {
    const column = {
      ...segments,
      name: write.reshape(segments, [...segments.shape, 1]),
      shape: [...segments.shape, 1],
    };
    const zero = { name: write.scalar(0, result.dtype), shape: [], dtype: result.dtype };
    const inputs = [write.broadcast(zero, [count, width]), write.broadcast(column, rows.shape), rows.name];
    return write.node('ScatterElements', inputs, { axis: 0, reduction: 'add' });
  }
  const classes = { name: write.count(count), shape: [count], dtype: 'int32' as const };
  const hit = write.node('Equal', [
    write.reshape(classes, [count, 1]),
    write.reshape(segments, [1, ...segments.shape]),
  ]);
  return write.node('MatMul', [write.cast(hit, 'bool', 'float32'), rows.name]);
}

/** The row-major position of index tuples [..., depth] in the leading dimensions of a shape, as [rows] int32. */
function flatIndices(indices: Operand, leading: readonly Size[], write: NodeWriter): Operand {
  const rows = elementCount(indices.shape.slice(0, -1));
  const table = { ...indices, name: write.reshape(indices, [rows, leading.length]), shape: [rows, leading.length] };
  if (leading.length === 1) return { ...table, name: write.reshape(table, [rows]), shape: [rows] };
  const strides = leading.map((_, axis) => elementCount(leading.slice(axis + 1)));
  const weighted = write.node('Mul', [table.name, write.cast(write.shape(strides), 'int64', 'int32')]);
  return {
    name: write.node('ReduceSum', [weighted, write.integers([1])], { keepdims: 0 }),
    shape: [rows],
    dtype: 'int32',
  };
}

export const indexingKernels: KernelTable = {
  GatherV2: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'x');
      const indices = input(inputs, 'indices').shape;
      if (attributes.has('batchDims') && attributes.number('batchDims') !== 0) {
        throw new UncoveredVariant('with batchDims: gather from a flattened tensor instead');
      }
      const [at = 0] = attributes.numbers('axis');
      const axis = at < 0 ? at + shape.length : at;
      return { shape: [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)], dtype };
    },
    emit: ({ inputs, attributes, write }) =>
      write.node('Gather', [input(inputs, 'x').name, input(inputs, 'indices').name], {
        axis: attributes.number('axis'),
      }),
  },
  GatherNd: {
    infer: ({ inputs }) => {
      const { shape, dtype } = input(inputs, 'params');
      const indices = input(inputs, 'indices').shape;
      return { shape: [...indices.slice(0, -1), ...shape.slice(indices.at(-1) ?? 0)], dtype };
    },
    emit: (call) =>
      call.write.node('GatherND', [
        input(call.inputs, 'params').name,
        wholeIndices(call, input(call.inputs, 'indices')),
      ]),
  },
  ScatterNd: {
    infer: ({ inputs, attributes }) => ({ shape: attributes.numbers('shape'), dtype: input(inputs, 'updates').dtype }),
    emit: (call) => {
      const { inputs, result, write } = call;
      const indices = input(inputs, 'indices');
      const updates = input(inputs, 'updates');
      const depth = Number(indices.shape.at(-1) ?? 1);
      const leading = result.shape.slice(0, depth);
      const segments = flatIndices(indices, leading, write);
      const count = elementCount(leading);
      const width = elementCount(result.shape.slice(depth));
      const shape = [...segments.shape, width];
      const rows = { ...updates, name: write.reshape(updates, shape), shape };
      const name = sumRows({ segments, rows, count }, call);
      return write.reshape({ ...result, name, shape: [count, width] }, result.shape);
    },
  },
  /** Segment ids must lie in [0, numSegments). It is the gradient of gather. */
  UnsortedSegmentSum: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'x');
      if (input(inputs, 'segmentIds').shape.length !== 1) {
        throw new UncoveredVariant('with segment ids of more than one dimension: flatten them and the values');
      }
      return { shape: [attributes.number('numSegments'), ...shape.slice(1)], dtype };
    },
    emit: (call) => {
      const { inputs, result, write } = call;
      const x = input(inputs, 'x');
      const segments = input(inputs, 'segmentIds');
      const count = result.shape[0] ?? 1;
      const width = elementCount(result.shape.slice(1));
      const shape = [...segments.shape, width];
      const name = sumRows({ segments, rows: { ...x, name: write.reshape(x, shape), shape }, count }, call);
      return write.reshape({ ...result, name, shape: [count, width] }, result.shape);
    },
  },
};
