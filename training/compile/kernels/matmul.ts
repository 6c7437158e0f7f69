import { tf } from '../tfjs.js';
import type { NodeWriter } from '../nodes.js';
import { UncoveredVariant, input } from './kernel.js';
import type { Emission, Kernel, KernelTable, Operand, RecordedInputs, Typed } from './kernel.js';

interface Factor {
  readonly value: Operand;
  readonly transposed: boolean;
}

function productShape({ inputs, attributes }: RecordedInputs): Typed {
  const [a, b] = [input(inputs, 'a'), input(inputs, 'b')];
  const rows = a.shape.at(attributes.flag('transposeA') ? -1 : -2) ?? 1;
  const columns = b.shape.at(attributes.flag('transposeB') ? -2 : -1) ?? 1;
  const batch = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return { shape: [...batch, rows, columns], dtype: 'float32' };
}

/** Looks through a Transpose or a Reshape that only adds batch dimensions of one, so that no copy is made. */
function factor(value: Operand, transposed: boolean, write: NodeWriter): Factor {
  const producer = write.graph.producer(value.name);
  if (producer?.op !== 'Transpose' || value.shape.length !== 2) return { value, transposed };
  const [rows = 1, columns = 1] = value.shape;
  const source: Operand = { ...value, name: producer.inputs[0] ?? '', shape: [columns, rows] };
  return { value: source, transposed: !transposed };
}

function swapLast(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) =>
    axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis,
  );
}

/** The product, as one MatMul or Gemm where ONNX has one: 2-D transposes are flags, batched ones a Transpose. */
function product({ inputs, attributes, write }: Emission, result: Omit<Operand, 'name'>): string {
  const matrices = result.shape.length > 2 && result.shape.slice(0, -2).every((size) => size === 1);
  const [a, b] = (['a', 'b'] as const).map((name) => {
    const full = input(inputs, name);
    const shape = matrices ? full.shape.slice(-2) : full.shape;
    const value = matrices ? { ...full, shape, name: write.reshape(full, shape) } : full;
    return factor(value, attributes.flag(name === 'a' ? 'transposeA' : 'transposeB'), write);
  }) as [Factor, Factor];
  const flat = matrices ? result.shape.slice(-2) : result.shape;
  const name = multiply(a, b, write);
  return matrices ? write.reshape({ name, shape: flat, dtype: 'float32' }, result.shape) : name;
}

function multiply(a: Factor, b: Factor, write: NodeWriter): string {
  const twoDimensional = a.value.shape.length === 2 && b.value.shape.length === 2;
  if (twoDimensional && (a.transposed || b.transposed)) {
    return write.node('Gemm', [a.value.name, b.value.name], {
      transA: a.transposed ? 1 : 0,
      transB: b.transposed ? 1 : 0,
    });
  }
  const straight = ({ value, transposed }: Factor): string =>
    transposed ? write.transpose(value, swapLast(value.shape.length)) : value.name;
  return write.node('MatMul', [straight(a), straight(b)]);
}

function activate(name: string, kind: string, { attributes, inputs, write }: Emission): string {
  switch (kind) {
    case 'linear':
      return name;
    case 'relu':
      return write.node('Relu', [name]);
    case 'elu':
      return write.node('Elu', [name]);
    case 'sigmoid':
      return write.node('Sigmoid', [name]);
    case 'relu6':
      return write.node('Clip', [name, write.scalar(0), write.scalar(6)]);
    case 'leakyrelu':
      return write.node('LeakyRelu', [name], { alpha: { float: attributes.number('leakyreluAlpha') } });
    case 'prelu':
      return write.node('PRelu', [name, input(inputs, 'preluActivationWeights').name]);
    default:
      throw new UncoveredVariant(`with the fused activation ${kind}: apply it after the product`);
  }
}

const fused: Kernel = {
  infer: productShape,
  emit: (call) => {
    const { inputs, attributes, result, write } = call;
    const name = product(call, result);
    const bias = inputs['bias'];
    const sum = bias === undefined ? name : write.elementwise('Add', [{ ...result, name }, bias], result);
    return activate(sum, attributes.has('activation') ? attributes.text('activation') : 'linear', call);
  },
};

const equationOf = (attributes: Emission['attributes']): string => attributes.text('equation').replaceAll(' ', '');

export const matmulKernels: KernelTable = {
  BatchMatMul: { infer: productShape, emit: (call) => product(call, call.result) },
  _FusedMatMul: fused,
  Einsum: {
    infer: ({ inputs, attributes }) => {
      const [sources = '', target = ''] = equationOf(attributes).split('->');
      const sizes = new Map<string, number>();
      sources.split(',').forEach((labels, index) => {
        Array.from(labels).forEach((label, axis) => sizes.set(label, input(inputs, String(index)).shape[axis] ?? 1));
      });
      return { shape: Array.from(target, (label) => sizes.get(label) ?? 1), dtype: 'float32' };
    },
    emit: ({ inputs, attributes, write }) =>
      write.node(
        'Einsum',
        Object.values(inputs).map(({ name }) => name),
        { equation: equationOf(attributes) },
      ),
  },
};
