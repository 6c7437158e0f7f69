import type { tf } from '../compile/index.js';
import type { Multiplications, NamedTensors, NoiseSpec, ParameterSpec } from './types.js';

export interface Needs {
  readonly parameters: readonly ParameterSpec[];
  readonly noise: readonly NoiseSpec[];
  readonly multiplications: Multiplications;
}

/** A piece of a network: what it needs (weights, noise), what it costs, what it does. */
export interface Part<In, Out> extends Needs {
  apply(input: In, tensors: PartTensors): Out;
}

export interface PartTensors {
  readonly parameters: NamedTensors;
  /** Empty when scoring. */
  readonly noise: NamedTensors;
  /** See {@link ForwardInputs.inTurn}. */
  readonly inTurn?: boolean;
}

/** What parts need and cost together. */
export const needsOf = (...parts: readonly Needs[]): Needs => ({
  parameters: parts.flatMap((part) => part.parameters),
  noise: parts.flatMap((part) => part.noise),
  multiplications: {
    perCandidate: parts.reduce((sum, part) => sum + part.multiplications.perCandidate, 0),
    perRequest: parts.reduce((sum, part) => sum + part.multiplications.perRequest, 0),
  },
});

/** First one part, then the other on what it answered. */
export const chain = <In, Between, Out>(below: Part<In, Between>, above: Part<Between, Out>): Part<In, Out> => ({
  ...needsOf(below, above),
  apply: (input, tensors) => above.apply(below.apply(input, tensors), tensors),
});

/** A part that needs nothing. */
export const plain = <In, Out>(apply: (input: In) => Out): Part<In, Out> => ({ ...needsOf(), apply });

export const parameterOf = ({ parameters }: PartTensors, name: string): tf.Tensor => {
  const tensor = parameters[name];
  if (tensor === undefined) throw new Error(`no parameter ${name} was given`);
  return tensor;
};

/** He's bound for layers that are rectified: variance 2 / inputs. */
export const heBound = (inputs: number): number => Math.sqrt(6 / inputs);

/** Glorot's bound for linear outputs: variance 2 / (inputs + outputs). */
export const glorotBound = (inputs: number, outputs: number): number => Math.sqrt(6 / (inputs + outputs));

/** Noise to multiply with: drops a share `rate` and scales up the rest, so that the mean stays. */
export const dropoutNoise = (name: string, rate: number, shape: NoiseSpec['shape']): NoiseSpec => ({
  name,
  rate,
  kept: 1 / (1 - rate),
  shape,
});
