import type { ParameterSpec } from '../../network/index.js';
import type { NamedArrays } from '../types.js';

export interface UpdateRule {
  readonly kind: 'adam' | 'adagrad' | 'sgd';
  /** Decoupled (Loshchilov and Hutter, 2019): each step takes rate * weightDecay of the weight away; biases excepted. */
  readonly weightDecay: number;
  /** Gradients of all dense weights are scaled down together to this Euclidean norm. */
  readonly clipNorm?: number;
  /** Decay of the moving average; early steps count less far back: min(averaging, (1 + step) / (10 + step)). */
  readonly averaging?: number;
}

/** Dense weights, and per weight what the optimiser keeps: all arrays are updated in place. */
export interface Weights {
  readonly parameters: Map<string, Float32Array>;
  readonly average: Map<string, Float32Array>;
  readonly slots: Map<string, Float32Array>;
  /** Steps taken. */
  step: number;
}

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-8;
const adagradEpsilon = 1e-10;
/** Where counting steps in a float32 ends; the bias corrections are 1 long before. */
const lastStep = 2 ** 24;

const slotNames: Readonly<Record<UpdateRule['kind'], readonly string[]>> = {
  adam: ['first', 'second'],
  adagrad: ['squares'],
  sgd: [],
};

export const createWeights = (rule: UpdateRule, initial: NamedArrays): Weights => ({
  parameters: new Map([...initial].map(([name, values]) => [name, values.slice()])),
  average: new Map(rule.averaging === undefined ? [] : [...initial].map(([name, values]) => [name, values.slice()])),
  slots: new Map(
    slotNames[rule.kind].flatMap((slot) =>
      [...initial].map(([name, values]) => [`${slot}/${name}`, new Float32Array(values.length)] as const),
    ),
  ),
  step: 0,
});

/**
 * One step of the optimiser on every weight, in double precision and stored as float32: one pass in JavaScript costs less
 * than a dozen elementwise operations in the graph whose new weights and moments would be copied out of it every step.
 */
export const updateWeights = (
  weights: Weights,
  specs: readonly ParameterSpec[],
  options: { readonly rule: UpdateRule; readonly gradients: NamedArrays; readonly rate: number },
): void => {
  const { rule, gradients, rate } = options;
  weights.step = Math.min(lastStep, weights.step + 1);
  const scale = clipScale(rule, specs, gradients);
  for (const { name, decays, rate: factor = 1 } of specs) {
    const gradient = array(gradients, name);
    const parameter = array(weights.parameters, name);
    if (decays && rule.weightDecay > 0) shrink(parameter, 1 - rate * rule.weightDecay);
    const move = { parameter, gradient, scale, rate: rate * factor };
    if (rule.kind === 'adam') {
      adam(move, {
        first: array(weights.slots, `first/${name}`),
        second: array(weights.slots, `second/${name}`),
        step: weights.step,
      });
    } else if (rule.kind === 'adagrad') adagrad(move, array(weights.slots, `squares/${name}`));
    else sgd(move);
    if (rule.averaging !== undefined) {
      const kept = Math.min(rule.averaging, (1 + weights.step) / (10 + weights.step));
      approach(array(weights.average, name), parameter, 1 - kept);
    }
  }
};

/** State as named arrays, in a fixed order; copies. */
export const stateOf = ({ parameters, average, slots, step }: Weights): Map<string, Float32Array> => {
  const named = (prefix: string, values: NamedArrays): [string, Float32Array][] =>
    [...values].map(([name, array]) => [`${prefix}${name}`, array.slice()]);
  return new Map([
    ...named('parameters/', parameters),
    ...named('average/', average),
    ...named('optimizer/', slots),
    ['optimizer/step', Float32Array.of(step)],
  ]);
};

/** Copies a state over the weights; refuses one of another shape before anything is changed. */
export const loadState = (weights: Weights, state: NamedArrays): void => {
  const expected = stateOf(weights);
  const wrong = [...expected]
    .filter(([name, values]) => state.get(name)?.length !== values.length)
    .map(([name, values]) => `${name} needs ${values.length} values, there are ${state.get(name)?.length ?? 'none'}`);
  const unknown = [...state.keys()].filter((name) => !expected.has(name)).map((name) => `${name} is unknown here`);
  const problems = [...wrong, ...unknown];
  if (problems.length > 0) throw new Error(`the state is of another network or optimiser: ${problems.join('; ')}`);
  for (const [prefix, values] of [
    ['parameters/', weights.parameters],
    ['average/', weights.average],
    ['optimizer/', weights.slots],
  ] as const) {
    for (const [name, array_] of values) array_.set(array(state, `${prefix}${name}`));
  }
  weights.step = array(state, 'optimizer/step')[0] as number;
};

interface Move {
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  /** Of the gradient, by clipping. */
  readonly scale: number;
  readonly rate: number;
}

/** Kingma and Ba, 2015, with the bias corrections folded into the rate and epsilon. */
function adam(
  { parameter, gradient, scale, rate }: Move,
  { first, second, step }: { first: Float32Array; second: Float32Array; step: number },
): void {
  const correction = Math.sqrt(1 - beta2 ** step);
  const stepSize = (rate * correction) / (1 - beta1 ** step);
  const floor = epsilon * correction;
  for (let i = 0; i < parameter.length; i++) {
    const g = scale * (gradient[i] as number);
    const m = (first[i] as number) + (1 - beta1) * (g - (first[i] as number));
    const v = (second[i] as number) + (1 - beta2) * (g * g - (second[i] as number));
    first[i] = m;
    second[i] = v;
    parameter[i] = (parameter[i] as number) - (stepSize * m) / (Math.sqrt(v) + floor);
  }
}

function adagrad({ parameter, gradient, scale, rate }: Move, squares: Float32Array): void {
  for (let i = 0; i < parameter.length; i++) {
    const g = scale * (gradient[i] as number);
    const sum = (squares[i] as number) + g * g;
    squares[i] = sum;
    parameter[i] = (parameter[i] as number) - (rate * g) / (Math.sqrt(sum) + adagradEpsilon);
  }
}

function sgd({ parameter, gradient, scale, rate }: Move): void {
  for (let i = 0; i < parameter.length; i++) {
    parameter[i] = (parameter[i] as number) - rate * scale * (gradient[i] as number);
  }
}

function shrink(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = factor * (values[i] as number);
}

function approach(average: Float32Array, target: Float32Array, share: number): void {
  for (let i = 0; i < average.length; i++) {
    average[i] = (average[i] as number) + share * ((target[i] as number) - (average[i] as number));
  }
}

function clipScale({ clipNorm }: UpdateRule, specs: readonly ParameterSpec[], gradients: NamedArrays): number {
  if (clipNorm === undefined) return 1;
  let squares = 0;
  for (const { name } of specs) for (const g of array(gradients, name)) squares += g * g;
  return Math.min(1, clipNorm / Math.sqrt(Math.max(squares, Number.MIN_VALUE)));
}

function array(arrays: NamedArrays, name: string): Float32Array {
  const values = arrays.get(name);
  if (values === undefined) throw new Error(`no values for ${name}`);
  return values;
}
