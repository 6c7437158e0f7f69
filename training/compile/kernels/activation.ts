import { input } from './kernel.js';
import type { KernelTable } from './kernel.js';
import { unary } from './unary.js';

/** The self-normalising constants of Klambauer et al. 2017, as tfjs has them. */
const selu = { alpha: { float: 1.7580993408473768 / 1.0507009873554805 }, gamma: { float: 1.0507009873554805 } };

const activation = (op: string) => unary((write, x) => write.node(op, [x]));

export const activationKernels: KernelTable = {
  Relu: activation('Relu'),
  Relu6: unary((write, x) => write.node('Clip', [x, write.scalar(0), write.scalar(6)])),
  LeakyRelu: unary((write, x, { attributes }) =>
    write.node('LeakyRelu', [x], { alpha: { float: attributes.number('alpha') } }),
  ),
  Elu: activation('Elu'),
  Selu: unary((write, x) => write.node('Selu', [x], selu)),
  Sigmoid: activation('Sigmoid'),
  Tanh: activation('Tanh'),
  Softplus: activation('Softplus'),
  /** dy where y is not negative, else dy (y + 1), y being the activation's result. */
  EluGrad: {
    infer: ({ inputs }) => input(inputs, 'y'),
    emit: ({ inputs, result, write }) =>
      write.widen(
        ([dy = '', y = '']) => {
          const slope = write.node('Add', [write.node('Min', [y, write.scalar(0)]), write.scalar(1)]);
          return write.node('Mul', [dy, slope]);
        },
        [input(inputs, 'dy'), input(inputs, 'y')],
        result,
      ),
  },
  Prelu: {
    infer: ({ inputs }) => input(inputs, 'x'),
    emit: ({ inputs, result, write }) =>
      write.elementwise('PRelu', [input(inputs, 'x'), input(inputs, 'alpha')], result),
  },
  Softmax: {
    infer: ({ inputs }) => input(inputs, 'logits'),
    emit: ({ inputs, attributes, write }) =>
      write.node('Softmax', [input(inputs, 'logits').name], { axis: attributes.number('dim') }),
  },
};
