import type { AttributeValue } from '../graph.js';
import type { NodeWriter } from '../nodes.js';
import type { ElementType } from '../types.js';
import { UncoveredVariant, input } from './kernel.js';
import type { Emission, Kernel, KernelTable, Operand } from './kernel.js';

type Compute = (write: NodeWriter, x: string, call: Emission) => string;

/** A kernel of one input that works on each element alone. */
export function unary(compute: Compute, dtype?: ElementType): Kernel {
  return {
    infer: ({ inputs }) => ({ shape: input(inputs, 'x').shape, dtype: dtype ?? input(inputs, 'x').dtype }),
    emit: (call) => {
      const x: Operand = input(call.inputs, 'x');
      return call.write.widen(([name = '']) => compute(call.write, name, call), [x], call.result);
    },
  };
}

const op = (name: string, attributes: Readonly<Record<string, AttributeValue>> = {}): Kernel =>
  unary((write, x) => write.node(name, [x], attributes));

/** log(1 + x) without losing small x: the rounding of 1 + x is divided out again. log(1 + e^y) is ONNX's Softplus. */
const log1p: Compute = (write, x) => {
  const producer = write.graph.producer(x);
  if (producer?.op === 'Exp') return write.node('Softplus', [producer.inputs[0] ?? '']);
  const one = write.scalar(1);
  const small = write.node('Clip', [x, write.scalar(-1), one]);
  const rounded = write.node('Sub', [write.node('Add', [small, one]), one]);
  const logarithm = write.node('Log', [write.node('Add', [x, one])]);
  const corrected = write.node('Mul', [logarithm, write.node('Div', [small, rounded])]);
  return write.node('Where', [write.node('Equal', [rounded, write.scalar(0)]), x, corrected]);
};

/** e^x - 1 = tanh(x / 2) (e^x + 1): no cancellation near 0. */
const expm1: Compute = (write, x) =>
  write.node('Mul', [
    write.node('Tanh', [write.node('Mul', [x, write.scalar(0.5)])]),
    write.node('Add', [write.node('Exp', [x]), write.scalar(1)]),
  ]);

/** 1 where x is positive, else alpha; the gradient of abs is a step with alpha -1. */
const step: Compute = (write, x, { attributes, inputs, result }) => {
  const alpha = attributes.has('alpha') ? attributes.number('alpha') : 0;
  const { dtype } = input(inputs, 'x');
  const positive = write.node('Greater', [x, write.scalar(0, dtype)]);
  if (alpha === 0) return write.cast(positive, 'bool', result.dtype);
  return write.node('Where', [positive, write.scalar(1, result.dtype), write.scalar(alpha, result.dtype)]);
};

const clip: Compute = (write, x, { attributes, result }) =>
  write.node('Clip', [
    x,
    write.scalar(attributes.number('clipValueMin'), result.dtype),
    write.scalar(attributes.number('clipValueMax'), result.dtype),
  ]);

const castTo = (value: string): ElementType => {
  if (value === 'float32' || value === 'int32' || value === 'bool') return value;
  throw new UncoveredVariant(`to ${value}: float32, int32 and bool can be compiled`);
};

export const unaryKernels: KernelTable = {
  Identity: { infer: ({ inputs }) => input(inputs, 'x'), emit: ({ inputs }) => input(inputs, 'x').name },
  Cast: {
    infer: ({ inputs, attributes }) => ({ shape: input(inputs, 'x').shape, dtype: castTo(attributes.text('dtype')) }),
    emit: ({ inputs, result, write }) => {
      const x = input(inputs, 'x');
      return write.widen(([name = '']) => write.cast(name, x.dtype, result.dtype), [x], result);
    },
  },
  Neg: op('Neg'),
  Abs: op('Abs'),
  Sign: op('Sign'),
  Exp: op('Exp'),
  Expm1: unary(expm1),
  Log: op('Log'),
  Log1p: unary(log1p),
  Sqrt: op('Sqrt'),
  Rsqrt: unary((write, x) => write.node('Reciprocal', [write.node('Sqrt', [x])])),
  Square: unary((write, x) => write.node('Mul', [x, x])),
  Reciprocal: op('Reciprocal'),
  Floor: op('Floor'),
  Ceil: op('Ceil'),
  Round: op('Round'),
  Sin: op('Sin'),
  Cos: op('Cos'),
  Erf: op('Erf'),
  LogicalNot: op('Not'),
  IsNan: unary((write, x) => write.node('IsNaN', [x]), 'bool'),
  IsInf: unary((write, x) => write.node('IsInf', [x]), 'bool'),
  IsFinite: unary(
    (write, x) => write.node('Not', [write.node('Or', [write.node('IsNaN', [x]), write.node('IsInf', [x])])]),
    'bool',
  ),
  Step: unary(step),
  ClipByValue: unary(clip),
};
