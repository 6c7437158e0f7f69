import type { NetworkDefinition } from '../../src/definition/index.js';
import { tf } from '../../training/compile/index.js';
import { createNetwork, initialParameters, type Network, type NetworkShape } from '../../training/network/index.js';
import { SeededRandom } from '../../training/fit/random.js';

export function shapeOf(
  definition: NetworkDefinition,
  options: Partial<NetworkShape> & { tasks?: never; count?: number } = {},
): NetworkShape {
  const { requestWidth = 2, candidateWidth = 1, count = 2 } = options;
  const tasks = Array.from({ length: count }, (_, index) => ({
    name: `task${index}`,
    task: { kind: 'binary' as const, label: 'label' },
  }));
  return { definition, tasks, requestWidth, candidateWidth };
}

export type Tensors = Record<string, tf.Tensor>;

/** Every parameter filled by what `value` answers for its name; biases zero unless it says otherwise. */
export function filled(network: Network, value: (name: string) => number): Tensors {
  return Object.fromEntries(
    network.parameters.map(({ name, shape }) => [name, tf.fill([...shape], name.endsWith('bias') ? 0 : value(name))]),
  );
}

export function randomParameters(network: Network, seed = 1): Tensors {
  const values = initialParameters(network, new SeededRandom(seed));
  const random = new SeededRandom(seed + 1);
  return Object.fromEntries(
    network.parameters.map(({ name, shape }) => {
      const given = values.get(name)!;
      // Biases start at zero; random ones show more.
      const used = name.endsWith('bias') ? given.map(() => random.next() / 2 ** 32 - 0.5) : given;
      return [name, tf.tensor(used, [...shape])];
    }),
  );
}

export function randomMatrix(rows: number, columns: number, seed = 3): tf.Tensor2D {
  const random = new SeededRandom(seed);
  return tf.tensor2d(
    Float32Array.from({ length: rows * columns }, () => random.next() / 2 ** 31 - 1),
    [rows, columns],
  );
}

export const numbers = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

/** Logits of `createNetwork(shape)` on the given inputs. */
export function logitsOf(
  shape: NetworkShape,
  parameters: Tensors,
  inputs: Parameters<Network['forward']>[1],
): number[] {
  return numbers(createNetwork(shape).forward(parameters, inputs).logits);
}
