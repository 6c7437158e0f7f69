import type { ElementType } from '../types.js';
import { input } from './kernel.js';
import type { Emission, Kernel, KernelTable } from './kernel.js';

const elementType = (name: string): ElementType => (name === 'int32' || name === 'bool' ? name : 'float32');

function filled({ result, write }: Emission, value: number): string {
  return write.broadcast({ name: write.scalar(value, result.dtype), shape: [], dtype: result.dtype }, result.shape);
}

const like = (value: number): Kernel => ({
  infer: ({ inputs }) => input(inputs, 'x'),
  emit: (call) => filled(call, value),
});

export const creationKernels: KernelTable = {
  ZerosLike: like(0),
  OnesLike: like(1),
  Fill: {
    infer: ({ attributes }) => ({
      shape: attributes.numbers('shape'),
      dtype: attributes.has('dtype') ? elementType(attributes.text('dtype')) : 'float32',
    }),
    emit: ({ attributes, result, write }) => {
      const { dtype } = result;
      return write.broadcast({ name: write.number(attributes.sized('value'), dtype), shape: [], dtype }, result.shape);
    },
  },
  Range: {
    infer: ({ attributes }) => {
      const [start, stop, step] = [attributes.number('start'), attributes.number('stop'), attributes.number('step')];
      const length = Math.max(0, Math.ceil((stop - start) / step));
      return { shape: [length], dtype: elementType(attributes.text('dtype')) };
    },
    emit: ({ attributes, result, write }) => {
      const bounds = ['start', 'stop', 'step'].map((name) => write.number(attributes.sized(name), result.dtype));
      return write.node('Range', bounds);
    },
  },
  Select: {
    infer: ({ inputs }) => ({ shape: input(inputs, 't').shape, dtype: input(inputs, 't').dtype }),
    emit: ({ inputs, result, write }) => {
      const condition = input(inputs, 'condition');
      const internal: ElementType = result.dtype === 'bool' ? 'int32' : result.dtype;
      return write.widen(
        ([test = '', yes = '', no = '']) => {
          const branches = [yes, no].map((name) => write.cast(name, result.dtype, internal));
          return write.cast(write.node('Where', [test, ...branches]), internal, result.dtype);
        },
        [condition, input(inputs, 't'), input(inputs, 'e')],
        result,
      );
    },
  },
  /** Compares with 0 … depth - 1, so that indices outside are all off, as in tfjs; ONNX's own OneHot wraps negatives. */
  OneHot: {
    infer: ({ inputs, attributes }) => ({
      shape: [...input(inputs, 'indices').shape, attributes.number('depth')],
      dtype: attributes.has('dtype') ? elementType(attributes.text('dtype')) : 'int32',
    }),
    emit: ({ inputs, attributes, result, write }) => {
      const indices = input(inputs, 'indices');
      const column = write.reshape(indices, [...indices.shape, 1]);
      const classes = write.count(result.shape.at(-1) ?? 0);
      const hit = write.node('Equal', [column, classes]);
      const [on, off] = [attributes.number('onValue'), attributes.number('offValue')];
      if (on === 1 && off === 0) return write.cast(hit, 'bool', result.dtype);
      return write.node('Where', [hit, write.scalar(on, result.dtype), write.scalar(off, result.dtype)]);
    },
  },
};
