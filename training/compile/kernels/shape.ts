import { tf } from '../tfjs.js';
import { addSizes, sameSize } from '../sizes.js';
import type { Size } from '../sizes.js';
import { UncoveredVariant, input } from './kernel.js';
import type { Emission, Kernel, KernelTable } from './kernel.js';

const elements = (shape: readonly number[]): number => tf.util.sizeFromShape([...shape]);

/** A kernel that only gives its input another shape. */
const reshaped = (infer: Kernel['infer'], name = 'x'): Kernel => ({
  infer,
  emit: ({ inputs, result, write }) => write.reshape(input(inputs, name), result.shape),
});

const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Slice along the axes that are really cut. */
function slice({ inputs, result, attributes, write }: Emission): string {
  const x = input(inputs, 'x');
  const begin = attributes.sizes('begin');
  const starts: Size[] = [];
  const ends: Size[] = [];
  const axes: number[] = [];
  x.shape.forEach((full, axis) => {
    const size = result.shape[axis] ?? 1;
    if (sameSize(size, full)) return;
    const start = begin[axis] ?? 0;
    starts.push(start);
    ends.push(addSizes(start, size));
    axes.push(axis);
  });
  if (axes.length === 0) return x.name;
  return write.node('Slice', [x.name, write.shape(starts), write.shape(ends), write.integers(axes)]);
}

/** A count asks for equal parts; in a list of sizes, one may be -1 for what is left. */
function splitSizes(attributes: Emission['attributes'], total: number): number[] {
  const sizes = attributes.numbers('numOrSizeSplits');
  const [count = 1] = sizes;
  if (!attributes.isList('numOrSizeSplits')) return Array.from({ length: count }, () => total / count);
  const known = sizes.filter((size) => size >= 0).reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => (size < 0 ? total - known : size));
}

const split: Kernel = {
  many: true,
  infer: ({ inputs, attributes }) => {
    const { shape, dtype } = input(inputs, 'x');
    const axis = axisOf(attributes.number('axis'), shape.length);
    return splitSizes(attributes, shape[axis] ?? 1).map((size) => ({
      shape: shape.map((full, index) => (index === axis ? size : full)),
      dtype,
    }));
  },
  emit: ({ inputs, attributes, results, write }) => {
    const x = input(inputs, 'x');
    if (results.length === 1) return [x.name];
    const axis = axisOf(attributes.number('axis'), x.shape.length);
    const sizes = write.shape(results.map(({ shape }) => shape[axis] ?? 1));
    return write.nodes('Split', [x.name, sizes], { axis }, results.length);
  },
};

const stridedSlice: Kernel = {
  infer: (call) => {
    const { shape, dtype } = input(call.inputs, 'x');
    return { shape: stridedPlan(call.attributes, shape).finalShape, dtype };
  },
  emit: ({ inputs, attributes, result, write }) => {
    const x = input(inputs, 'x');
    const rank = x.shape.length;
    const [begin, end, strides] = (['begin', 'end', 'strides'] as const).map((name) => attributes.sizes(name));
    const masks = ['ellipsisMask', 'newAxisMask'].map((name) => attributes.number(name));
    if (masks.some((mask) => mask !== 0))
      throw new UncoveredVariant('with ellipsis or new axes: name every axis, and use tf.expandDims');
    const inMask = (mask: string, axis: number): boolean => (attributes.number(mask) & (1 << axis)) !== 0;
    const axes = Array.from({ length: Math.min(rank, begin?.length ?? 0) }, (_, axis) => axis);
    const far = 2 ** 31;
    const bounds = axes.map((axis): readonly [Size, Size, number] => {
      const stride = Number(strides?.[axis] ?? 1);
      const backwards = stride < 0;
      const from = begin?.[axis] ?? 0;
      if (inMask('shrinkAxisMask', axis)) return [from, from === -1 ? far : addSizes(from, 1), 1];
      return [
        inMask('beginMask', axis) ? (backwards ? far : 0) : from,
        inMask('endMask', axis) ? (backwards ? -far : far) : (end?.[axis] ?? far),
        stride,
      ];
    });
    const name = write.node('Slice', [
      x.name,
      write.shape(bounds.map(([from]) => from)),
      write.shape(bounds.map(([, to]) => to)),
      write.integers(axes),
      write.integers(bounds.map(([, , stride]) => stride)),
    ]);
    const shrunk = axes.filter((axis) => inMask('shrinkAxisMask', axis));
    return shrunk.length === 0 ? name : write.reshape({ ...result, name, shape: [] }, result.shape);
  },
};

function stridedPlan(attributes: Emission['attributes'], shape: readonly number[]): { finalShape: number[] } {
  const mask = (name: string): number => attributes.number(name);
  return tf.slice_util.sliceInfo(
    [...shape],
    attributes.numbers('begin'),
    attributes.numbers('end'),
    attributes.numbers('strides'),
    mask('beginMask'),
    mask('endMask'),
    mask('ellipsisMask'),
    mask('newAxisMask'),
    mask('shrinkAxisMask'),
  );
}

export const shapeKernels: KernelTable = {
  Reshape: reshaped(({ inputs, attributes }) => {
    const { shape, dtype } = input(inputs, 'x');
    return { shape: tf.util.inferFromImplicitShape(attributes.numbers('shape'), elements(shape)), dtype };
  }),
  ExpandDims: reshaped(({ inputs, attributes }) => {
    const { shape, dtype } = input(inputs, 'input');
    const axis = axisOf(attributes.number('dim'), shape.length + 1);
    return { shape: [...shape.slice(0, axis), 1, ...shape.slice(axis)], dtype };
  }, 'input'),
  Transpose: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'x');
      return { shape: attributes.numbers('perm').map((axis) => shape[axis] ?? 1), dtype };
    },
    emit: ({ inputs, attributes, write }) => write.transpose(input(inputs, 'x'), attributes.numbers('perm')),
  },
  Concat: {
    infer: ({ inputs, attributes }) => {
      const parts = Object.values(inputs);
      const { shape, dtype } = input(inputs, '0');
      const axis = axisOf(attributes.number('axis'), shape.length);
      const length = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
      return { shape: shape.map((size, index) => (index === axis ? length : size)), dtype };
    },
    emit: ({ inputs, attributes, write }) => {
      const names = Object.values(inputs).map(({ name }) => name);
      return names.length === 1 ? (names[0] ?? '') : write.node('Concat', names, { axis: attributes.number('axis') });
    },
  },
  Pack: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, '0');
      const axis = axisOf(attributes.number('axis'), shape.length + 1);
      return { shape: [...shape.slice(0, axis), Object.keys(inputs).length, ...shape.slice(axis)], dtype };
    },
    emit: ({ inputs, attributes, result, write }) => {
      const axis = axisOf(attributes.number('axis'), result.shape.length);
      const parts = Object.values(inputs).map((part) => {
        const shape = result.shape.map((size, index) => (index === axis ? 1 : size));
        return write.reshape(part, shape);
      });
      return parts.length === 1 ? (parts[0] ?? '') : write.node('Concat', parts, { axis });
    },
  },
  Unpack: {
    many: true,
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'value');
      const axis = axisOf(attributes.number('axis'), shape.length);
      const part = { shape: shape.filter((_, index) => index !== axis), dtype };
      return Array.from({ length: shape[axis] ?? 0 }, () => part);
    },
    emit: ({ inputs, attributes, results, write }) => {
      const value = input(inputs, 'value');
      const axis = axisOf(attributes.number('axis'), value.shape.length);
      const parts =
        results.length === 1
          ? [value.name]
          : write.nodes('Split', [value.name], { axis, num_outputs: results.length }, results.length);
      const cut = value.shape.map((size, index) => (index === axis ? 1 : size));
      return parts.map((name, index) => write.reshape({ ...value, name, shape: cut }, results[index]?.shape ?? []));
    },
  },
  Slice: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'x');
      const begin = attributes.numbers('begin');
      const size = attributes.numbers('size');
      return {
        shape: shape.map((full, axis) => (size[axis] === -1 ? full - (begin[axis] ?? 0) : (size[axis] ?? full))),
        dtype,
      };
    },
    emit: slice,
  },
  SplitV: split,
  StridedSlice: stridedSlice,
  Tile: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'x');
      const reps = attributes.numbers('reps');
      return { shape: shape.map((size, axis) => size * (reps[axis] ?? 1)), dtype };
    },
    emit: ({ inputs, attributes, result, write }) => {
      const x = input(inputs, 'x');
      const repeated = x.shape.every((size, axis) => size === 1 || sameSize(size, result.shape[axis] ?? 1));
      return repeated
        ? write.broadcast(x, result.shape)
        : write.node('Tile', [x.name, write.shape(attributes.sizes('reps'))]);
    },
  },
  Reverse: {
    infer: ({ inputs }) => input(inputs, 'x'),
    emit: ({ inputs, attributes, write }) => {
      const all = input(inputs, 'x').shape.map((_, axis) => axis);
      const axes = attributes.has('dims') ? attributes.numbers('dims') : all;
      if (axes.length === 0) return input(inputs, 'x').name;
      const each = (value: number): string => write.integers(axes.map(() => value));
      return write.node('Slice', [input(inputs, 'x').name, each(-1), each(-(2 ** 31)), write.integers(axes), each(-1)]);
    },
  },
  PadV2: {
    infer: ({ inputs, attributes }) => {
      const { shape, dtype } = input(inputs, 'x');
      const pads = attributes.numbers('paddings');
      return { shape: shape.map((size, axis) => size + (pads[2 * axis] ?? 0) + (pads[2 * axis + 1] ?? 0)), dtype };
    },
    emit: ({ inputs, attributes, result, write }) => {
      const pads = attributes.sizes('paddings');
      const rank = result.shape.length;
      const ordered = Array.from(
        { length: 2 * rank },
        (_, index) => pads[index < rank ? 2 * index : 2 * (index - rank) + 1] ?? 0,
      );
      const fill = write.number(attributes.sized('constantValue'), result.dtype);
      return write.node('Pad', [input(inputs, 'x').name, write.shape(ordered), fill]);
    },
  },
};
