import type { tf } from '../../training/compile/index.js';
import type { Tensors } from './builder.js';

type Vector = number[];

/** weights[i][j] of copy c, whether they are laid out [inputs, copies, width] or [copies, inputs, width]. */
function layer(x: Vector, weights: (i: number, j: number) => number, bias: Vector): Vector {
  return bias.map((b, j) => x.reduce((sum, value, i) => sum + value * weights(i, j), b));
}

const relu = (x: Vector): Vector => x.map((value) => Math.max(0, value));

function softmax(x: Vector): Vector {
  const top = Math.max(...x);
  const exponentials = x.map((value) => Math.exp(value - top));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}

type Nested = number[][][];
const cube = (tensor: tf.Tensor | undefined): Nested => tensor!.arraySync() as Nested;

/**
 * One row through an mmoe with one bottom layer (if `bottom`), one expert layer and one tower layer, in plain loops on the
 * request's and the candidate's values beside each other.
 */
export function referenceRow(p: Tensors, request: Vector, candidate: Vector, bottom: boolean) {
  const inputs = [...request, ...candidate];
  const weightsOf = (name: string): Nested => cube(p[`${name}/weights`]);
  const biasOf = (name: string): number[][] => p[name]!.arraySync() as number[][];
  let shared = inputs;
  if (bottom) {
    const weights = weightsOf('bottom/0');
    shared = relu(layer(inputs, (i, j) => weights[i]![0]![j]!, biasOf('bottom/0/bias')[0]!));
  }
  const [expertWeights, gateWeights] = [weightsOf('experts/0'), weightsOf('gates')];
  const experts = biasOf('experts/0/bias').map((bias, e) =>
    relu(layer(shared, (i, j) => expertWeights[i]![e]![j]!, bias)),
  );
  const [towers, heads] = [cube(p['towers/0/weights']), cube(p['heads/weights'])];
  const gates = towers.map((_, task) =>
    softmax(
      layer(
        shared,
        (i, e) => gateWeights[i]![task]![e]!,
        experts.map(() => 0),
      ),
    ),
  );
  const logits = gates.map((gate, task) => {
    const mixed = experts[0]!.map((_, h) => gate.reduce((sum, g, e) => sum + g * experts[e]![h]!, 0));
    const tower = relu(layer(mixed, (i, j) => towers[task]![i]![j]!, biasOf('towers/0/bias')[task]!));
    return layer(tower, (i, j) => heads[task]![i]![j]!, biasOf('heads/bias')[task]!)[0]!;
  });
  return { logits, gates };
}
