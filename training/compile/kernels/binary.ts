import { tf } from '../tfjs.js';
import type { ElementType } from '../types.js';
import { input } from './kernel.js';
import type { Emission, Kernel, KernelTable, Operand, Typed } from './kernel.js';

function broadcastOf(a: Typed, b: Typed, dtype: ElementType): Typed {
  return { shape: tf.backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]), dtype };
}

type Compute = (call: Emission, a: Operand, b: Operand) => string;

/** A kernel of two operands a and b that broadcast; comparisons answer bool. */
function binary(compute: Compute, dtype?: ElementType): Kernel {
  return {
    infer: ({ inputs }) => broadcastOf(input(inputs, 'a'), input(inputs, 'b'), dtype ?? input(inputs, 'a').dtype),
    emit: (call) => compute(call, input(call.inputs, 'a'), input(call.inputs, 'b')),
  };
}

const single =
  (op: string): Compute =>
  ({ write, result }, a, b) =>
    write.elementwise(op, [a, b], result);

/** An operation that leaves `a` alone when `b` is the neutral constant, and `b` too if the operation commutes. */
const withNeutral =
  (op: string, neutral: number, commutes: boolean): Compute =>
  ({ write, result }, a, b) => {
    if (write.constantOf(b) === neutral) return write.broadcast(a, result.shape);
    if (commutes && write.constantOf(a) === neutral) return write.broadcast(b, result.shape);
    return write.elementwise(op, [a, b], result);
  };

const compare = (op: string): Kernel => binary(single(op), 'bool');

/** NotEqual has no ONNX op of its own. */
const notEqual: Compute = ({ write, result }, a, b) =>
  write.widen((names) => write.node('Not', [write.node('Equal', names)]), [a, b], result);

const squaredDifference: Compute = ({ write, result }, a, b) =>
  write.widen(
    (names) => {
      const difference = write.node('Sub', names);
      return write.node('Mul', [difference, difference]);
    },
    [a, b],
    result,
  );

/** tfjs rounds the quotient down; integers are divided as float32, exact up to 2^24. */
const floorDivide: Compute = ({ write, result }, a, b) =>
  write.widen(
    (names) => {
      const [x = '', y = ''] = names.map((name) => write.cast(name, a.dtype, 'float32'));
      return write.cast(write.node('Floor', [write.node('Div', [x, y])]), 'float32', result.dtype);
    },
    [a, b],
    result,
  );

/** tfjs: the remainder has the divisor's sign, a - b floor(a / b). */
const modulo: Compute = ({ write, result }, a, b) =>
  write.widen(
    (names) => {
      if (result.dtype !== 'float32') return write.node('Mod', names);
      const remainder = write.node('Mod', names, { fmod: 1 });
      const shifted = write.node('Add', [remainder, names[1] ?? '']);
      return write.node('Mod', [shifted, names[1] ?? ''], { fmod: 1 });
    },
    [a, b],
    result,
  );

/** Integers are divided as tfjs does it: as real numbers, truncated. */
const divide: Compute = (call, a, b) => {
  if (a.dtype === 'float32') return withNeutral('Div', 1, false)(call, a, b);
  return single('Div')(call, a, b);
};

export const binaryKernels: KernelTable = {
  Add: binary(withNeutral('Add', 0, true)),
  Sub: binary(withNeutral('Sub', 0, false)),
  Multiply: binary(withNeutral('Mul', 1, true)),
  RealDiv: binary(divide),
  FloorDiv: binary(floorDivide),
  Mod: binary(modulo),
  Maximum: binary(single('Max')),
  Minimum: binary(single('Min')),
  Pow: binary(single('Pow')),
  SquaredDifference: binary(squaredDifference),
  Equal: compare('Equal'),
  NotEqual: binary(notEqual, 'bool'),
  Greater: compare('Greater'),
  GreaterEqual: compare('GreaterOrEqual'),
  Less: compare('Less'),
  LessEqual: compare('LessOrEqual'),
  LogicalAnd: compare('And'),
  LogicalOr: compare('Or'),
  AddN: {
    infer: ({ inputs }) => input(inputs, '0'),
    emit: ({ inputs, result, write }) => {
      const operands = Object.values(inputs);
      return operands.length === 1 ? input(inputs, '0').name : write.elementwise('Sum', operands, result);
    },
  },
};
