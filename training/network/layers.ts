import { tf } from '../compile/index.js';
import { gatherCells, rectify, spreadRequests } from './operations.js';
import { chain, dropoutNoise, glorotBound, heBound, parameterOf, type Part, type PartTensors } from './part.js';
import type { ForwardInputs, NoiseSpec, ParameterSpec } from './types.js';

/**
 * Layers come in `copies`: experts or towers of the same shape, side by side. What the copies read together is one matrix
 * product [rows, inputs] x [inputs, copies * width]; what each reads alone is a batched one, [copies, rows, inputs] x
 * [copies, inputs, width]. Between layers values are [copies, rows, width].
 */
export interface LayerOptions {
  readonly name: string;
  readonly copies: number;
  readonly width: number;
  /** hidden: rectified, with dropout and He's start; linear and unbiased: Glorot's start. */
  readonly kind: 'hidden' | 'linear' | 'unbiased';
  readonly dropout: number;
}

/** A kind of layer whose input is settled, waiting for its shape. */
export type LayerMaker<In> = (options: LayerOptions) => Part<In, tf.Tensor3D>;

export type SplitInputs = Pick<ForwardInputs, 'request' | 'candidate' | 'screen' | 'requestOf' | 'requestSums'>;

/** How wide the network's inputs are. */
export interface InputWidths {
  readonly request: number;
  readonly candidate: number;
  /** Cells of the screen that are told apart; 0 where the screen is no input. */
  readonly screen: number;
}

/**
 * The first layer: W_request x_request once per request, handed to the request's rows, plus W_candidate x_candidate. The
 * sum is what the unsplit layer computes on both sides beside each other, and where every row is its own request that is
 * how it is computed: one long product is faster than two short ones. The request's rows of the weights come first.
 *
 * The screen is an input of one 1 among zeros, or of zeros where it is missing: its product is a row of its weights.
 */
export const splitLayer =
  ({ request: requestWidth, candidate: candidateWidth, screen: cells }: InputWidths): LayerMaker<SplitInputs> =>
  (options) => {
    const { name, copies, width } = options;
    const inputs = requestWidth + candidateWidth;
    const screenName = `${name}/screen`;
    return {
      parameters: [
        weight(options, [inputs, copies, width], inputs),
        ...bias(options),
        ...(cells === 0 ? [] : [{ ...weight(options, [cells, copies, width], inputs), name: screenName }]),
      ],
      noise: noiseOf(options, ['rows', copies, width]),
      multiplications: {
        perRequest: requestWidth * copies * width,
        perCandidate: candidateWidth * copies * width,
      },
      apply: ({ request, candidate, screen, requestOf, requestSums }, tensors) => {
        const weights = columns(parameterOf(tensors, `${name}/weights`));
        const product = (): tf.Tensor2D => {
          if (requestWidth === 0) return tf.matMul(candidate, weights);
          if (requestOf === undefined) {
            return tf.matMul(candidateWidth === 0 ? request : tf.concat2d([request, candidate], 1), weights);
          }
          if (candidateWidth === 0) return spreadRequests(tf.matMul(request, weights), requestOf, requestSums);
          const [ofRequest, ofCandidate] = tf.split<tf.Tensor2D>(weights, [requestWidth, candidateWidth]);
          return spreadRequests(tf.matMul(request, ofRequest as tf.Tensor2D), requestOf, requestSums).add(
            tf.matMul(candidate, ofCandidate as tf.Tensor2D),
          );
        };
        const ofScreen =
          cells === 0 || screen === undefined
            ? undefined
            : gatherCells(columns(parameterOf(tensors, screenName)), screen);
        return finish(ofScreen === undefined ? product() : product().add(ofScreen), options, tensors);
      },
    };
  };

/** A layer whose copies all read the same hidden values [rows, inputs]. */
export const sharedLayer =
  (inputs: number): LayerMaker<tf.Tensor2D> =>
  (options) => {
    const { name, copies, width } = options;
    return {
      parameters: [weight(options, [inputs, copies, width], inputs), ...bias(options)],
      noise: noiseOf(options, ['rows', copies, width]),
      multiplications: { perRequest: 0, perCandidate: inputs * copies * width },
      apply: (x, tensors) =>
        finish(tf.matMul<tf.Tensor2D>(x, columns(parameterOf(tensors, `${name}/weights`))), options, tensors),
    };
  };

/** A layer whose copies read their own values [copies, rows, inputs]. */
export const parallelLayer =
  (inputs: number): LayerMaker<tf.Tensor3D> =>
  (options) => {
    const { name, copies, width } = options;
    return {
      parameters: [weight(options, [copies, inputs, width], inputs), ...bias(options)],
      noise: noiseOf(options, [copies, 'rows', width]),
      multiplications: { perRequest: 0, perCandidate: inputs * copies * width },
      apply: (x, tensors) => {
        const product = tf.matMul<tf.Tensor3D>(x, parameterOf(tensors, `${name}/weights`));
        return activate(biased(product, options, tensors, [copies, 1, width]), options, tensors);
      },
    };
  };

/** Layers on top of each other; the first reads what `first` reads. At least one. */
export const stack = <In>(first: LayerMaker<In>, layers: readonly LayerOptions[]): Part<In, tf.Tensor3D> => {
  const [start, ...rest] = layers;
  if (start === undefined) throw new Error('a stack needs at least one layer');
  return rest.reduce<Part<In, tf.Tensor3D>>(
    (below, layer, index) => chain(below, parallelLayer((layers[index] as LayerOptions).width)(layer)),
    first(start),
  );
};

const weight = ({ name, width, kind }: LayerOptions, shape: readonly number[], inputs: number): ParameterSpec => ({
  name: `${name}/weights`,
  shape,
  bound: kind === 'hidden' ? heBound(inputs) : glorotBound(inputs, width),
  decays: true,
});

const bias = ({ name, copies, width, kind }: LayerOptions): ParameterSpec[] =>
  kind === 'unbiased' ? [] : [{ name: `${name}/bias`, shape: [copies, width], bound: 0, decays: false }];

const noiseOf = ({ name, kind, dropout }: LayerOptions, shape: NoiseSpec['shape']): NoiseSpec[] =>
  kind === 'hidden' && dropout > 0 ? [dropoutNoise(`${name}/keep`, dropout, shape)] : [];

/** [inputs, copies, width] to [inputs, copies * width]. */
const columns = (weights: tf.Tensor): tf.Tensor2D => weights.reshape([weights.shape[0], -1]);

const biased = <T extends tf.Tensor>(
  x: T,
  { name, kind }: LayerOptions,
  tensors: PartTensors,
  shape: readonly number[],
): T => (kind === 'unbiased' ? x : x.add(parameterOf(tensors, `${name}/bias`).reshape([...shape])));

const activate = <T extends tf.Tensor>(x: T, { name, kind }: LayerOptions, { noise }: PartTensors): T => {
  if (kind !== 'hidden') return x;
  const keep = noise[`${name}/keep`];
  return keep === undefined ? rectify(x) : rectify(x).mul(keep.reshape(x.shape));
};

/** Bias and activation of [rows, copies * width], then to [copies, rows, width]. */
const finish = (product: tf.Tensor2D, options: LayerOptions, tensors: PartTensors): tf.Tensor3D => {
  const { copies, width } = options;
  const x = activate(biased(product, options, tensors, [copies * width]), options, tensors);
  return copies === 1 ? x.expandDims(0) : x.reshape([-1, copies, width]).transpose([1, 0, 2]);
};
