import type { tf } from '../compile/index.js';
import {
  sharedLayer,
  splitLayer,
  parallelLayer,
  stack,
  type FirstLayerMaker,
  type LayerOptions,
  type SplitInputs,
} from './layers.js';
import { mixture, type Mixture } from './mmoe.js';
import { chain, dropoutNoise, needsOf, plain, type Part } from './part.js';
import type { ForwardOutputs, Network, NetworkShape, ParameterSpec, RandomSource } from './types.js';

/**
 * The network of a definition. What it leaves out: no bottom layers, 8 experts of one layer of 128, towers of one layer
 * of 64.
 *
 * - independent: bottom and tower layers, once per task; nothing is shared
 * - shared_bottom: one stack of bottom layers, a tower per task on top
 * - mmoe: bottom layers (if any), experts mixed by a gate per task, a tower per task on top
 */
export const createNetwork = (shape: NetworkShape): Network => {
  const { requestWidth, candidateWidth, definition } = shape;
  const inputNoise = [
    { name: 'inputs/request/keep', width: requestWidth, rows: 'requests' as const },
    { name: 'inputs/candidate/keep', width: candidateWidth, rows: 'rows' as const },
  ]
    .filter(({ width }) => width > 0 && definition.input_dropout !== undefined && definition.input_dropout > 0)
    .map(({ name, width, rows }) => dropoutNoise(name, definition.input_dropout ?? 0, [rows, width]));
  const { body, sharedWidth } = architecture(shape);
  const { parameters, noise, multiplications } = needsOf(body, { ...needsOf(), noise: inputNoise });
  return {
    parameters,
    noise,
    multiplications,
    sharedWidth,
    forward: (given, inputs) => {
      const drop = <T extends tf.Tensor>(x: T, keep: tf.Tensor | undefined): T =>
        keep === undefined ? x : x.mul(keep);
      const kept = {
        ...inputs,
        request: drop(inputs.request, inputs.noise['inputs/request/keep']),
        candidate: drop(inputs.candidate, inputs.noise['inputs/candidate/keep']),
      };
      return body.apply(kept, { parameters: given, noise: inputs.noise, inTurn: inputs.inTurn === true });
    },
  };
};

/** Initial values by parameter name; the same random source gives the same values. */
export const initialParameters = (
  { parameters }: { readonly parameters: readonly ParameterSpec[] },
  random: RandomSource,
): Map<string, Float32Array> =>
  new Map(
    parameters.map(({ name, shape, bound }) => {
      const values = new Float32Array(shape.reduce((size, dimension) => size * dimension, 1));
      if (bound > 0) for (let i = 0; i < values.length; i++) values[i] = (random.next() / 0x80000000 - 1) * bound;
      return [name, values];
    }),
  );

interface Body {
  readonly body: Part<SplitInputs, ForwardOutputs>;
  readonly sharedWidth: number;
}

const architecture = ({ definition, tasks, requestWidth, candidateWidth, screenCells = 0 }: NetworkShape): Body => {
  const { bottom = [], towers = [64], expert_layers = [128], experts = 8, gate_dropout = 0, dropout = 0 } = definition;
  const inputs = splitLayer({ request: requestWidth, candidate: candidateWidth, screen: screenCells });
  const hidden = (part: string, copies: number, widths: readonly number[]): LayerOptions[] =>
    widths.map((width, index) => ({ name: `${part}/${index}`, copies, width, kind: 'hidden', dropout }));
  const heads: LayerOptions = { name: 'heads', copies: tasks.length, width: 1, kind: 'linear', dropout: 0 };
  const towerLayers = [...hidden('towers', tasks.length, towers), heads];
  /** Puts what `build` makes on top of the shared layers, or on the inputs if there are none. */
  const onBottom = (
    build: <In>(reader: FirstLayerMaker<In>) => Part<In, ForwardOutputs>,
  ): Part<SplitInputs, ForwardOutputs> => {
    const width = bottom.at(-1);
    if (width === undefined) return build(inputs);
    const shared = chain(
      stack(inputs, hidden('bottom', 1, bottom)),
      plain((x: tf.Tensor3D) => x.squeeze<tf.Tensor2D>([0])),
    );
    const above = build<tf.Tensor2D>(sharedLayer(width));
    return chain(shared, { ...above, apply: (x, tensors) => ({ ...above.apply(x, tensors), shared: x }) });
  };
  switch (definition.kind) {
    case 'independent':
      return {
        body: chain(stack(inputs, [...hidden('bottom', tasks.length, bottom), ...towerLayers]), plain(logitsOf)),
        sharedWidth: 0,
      };
    case 'shared_bottom':
      return {
        body: onBottom((reader) => chain(stack(reader, towerLayers), plain(logitsOf))),
        sharedWidth: bottom.at(-1) ?? 0,
      };
    case 'mmoe': {
      const expertWidth = expert_layers.at(-1) ?? 0;
      return {
        body: onBottom((reader) => {
          const experted = mixture(reader, {
            tasks: tasks.length,
            experts: hidden('experts', experts, expert_layers),
            gateDropout: gate_dropout,
          });
          const tower = stack(parallelLayer(expertWidth), towerLayers);
          return chain(experted, {
            ...needsOf(tower),
            apply: ({ mixed, gates, experts: shared }: Mixture, tensors) => ({
              ...logitsOf(tower.apply(mixed, tensors)),
              gates,
              shared,
            }),
          });
        }),
        sharedWidth: bottom.at(-1) ?? experts * expertWidth,
      };
    }
  }
};

/** [tasks, rows, 1] to [rows, tasks]. */
const logitsOf = (heads: tf.Tensor3D): ForwardOutputs => ({
  logits: heads.squeeze<tf.Tensor2D>([2]).transpose([1, 0]),
});
