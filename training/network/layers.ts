import { tf } from '../compile/index.js';
import { gatherCells, rectify, spreadRequests } from './operations.js';
import { chain, dropoutNoise, glorotBound, heBound, parameterOf, type Part, type PartTensors } from './part.js';
import type { ForwardInputs, NamedTensors, NoiseSpec, ParameterSpec } from './types.js';

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
/** The same of layers whose copies read the same. */
export type FirstLayerMaker<In> = (options: LayerOptions) => FirstLayer<In>;

interface FirstLayer<In> extends Part<In, tf.Tensor3D> {
  /** The values of all copies beside each other, [rows, copies * width]. */
  beside(input: In, tensors: PartTensors): tf.Tensor2D;
}

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
  ({ request: requestWidth, candidate: candidateWidth, screen: cells }: InputWidths): FirstLayerMaker<SplitInputs> =>
  (options) => {
    const { name, copies, width } = options;
    const inputs = requestWidth + candidateWidth;
    const screenName = `${name}/screen`;
    const beside: FirstLayer<SplitInputs>['beside'] = (given, tensors) => {
      const { request, candidate, screen, requestOf, requestSums } = given;
      const weights = columns(parameterOf(tensors, `${name}/weights`), options);
      // To the one row of a request instead of all of them; what is left is one fused operator.
      const addsEarly = tensors.inTurn === true && requestOf !== undefined && requestWidth > 0 && candidateWidth > 0;
      const product = (): tf.Tensor2D => {
        if (requestWidth === 0) return tf.matMul(candidate, weights);
        if (requestOf === undefined) {
          return tf.matMul(candidateWidth === 0 ? request : tf.concat2d([request, candidate], 1), weights);
        }
        if (candidateWidth === 0) return spreadRequests(tf.matMul(request, weights), requestOf, requestSums);
        const [ofRequest, ofCandidate] = tf.split<tf.Tensor2D>(weights, [requestWidth, candidateWidth]);
        const once = tf.matMul<tf.Tensor2D>(request, ofRequest as tf.Tensor2D);
        return spreadRequests(addsEarly ? biasedColumns(once, options, tensors) : once, requestOf, requestSums).add(
          tf.matMul(candidate, ofCandidate as tf.Tensor2D),
        );
      };
      const ofScreen =
        cells === 0 || screen === undefined
          ? undefined
          : gatherCells(columns(parameterOf(tensors, screenName), options), screen);
      const sum: tf.Tensor2D = ofScreen === undefined ? product() : product().add(ofScreen);
      return activate(addsEarly ? sum : biasedColumns(sum, options, tensors), options, tensors);
    };
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
      beside,
      apply: (given, tensors) => apart(beside(given, tensors), options),
    };
  };

/** A layer whose copies all read the same hidden values [rows, inputs]. */
export const sharedLayer =
  (inputs: number): FirstLayerMaker<tf.Tensor2D> =>
  (options) => {
    const { name, copies, width } = options;
    const beside: FirstLayer<tf.Tensor2D>['beside'] = (x, tensors) =>
      activate(
        biasedColumns(tf.matMul(x, columns(parameterOf(tensors, `${name}/weights`), options)), options, tensors),
        options,
        tensors,
      );
    return {
      parameters: [weight(options, [inputs, copies, width], inputs), ...bias(options)],
      noise: noiseOf(options, ['rows', copies, width]),
      multiplications: { perRequest: 0, perCandidate: inputs * copies * width },
      beside,
      apply: (x, tensors) => apart(beside(x, tensors), options),
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

/**
 * What `stack` computes without noise, one copy after the other: [rows, copies, width of the last]. For serving on a
 * processor: what a copy hands to its next layer is still in the cache, and its weights are a matrix, which ONNX Runtime
 * packs once; those of a batched product it packs in every run. Takes 7 to 12 % off a run (docs/performance.md).
 */
export const inTurn = <In>(
  first: FirstLayerMaker<In>,
  layers: readonly LayerOptions[],
): ((input: In, tensors: PartTensors) => tf.Tensor3D) => {
  const [start, ...rest] = layers.map((layer) => ({ ...layer, copies: 1 }));
  if (start === undefined) throw new Error('a stack needs at least one layer');
  const bottom = first(start);
  const above = rest.map((layer, index) => sharedLayer((layers[index] as LayerOptions).width)(layer));
  const { copies, width } = layers.at(-1) as LayerOptions;
  return (input, { parameters }) => {
    const ofCopies = copiesOf(layers, parameters);
    const values = ofCopies.map((own) => {
      const tensors = { parameters: own, noise: {}, inTurn: true };
      return above.reduce((x, layer) => layer.beside(x, tensors), bottom.beside(input, tensors));
    });
    return tf.concat2d(values, 1).reshape([-1, copies, width]);
  };
};

/** The parameters of each copy, by the names of those of all. */
const copiesOf = (layers: readonly LayerOptions[], parameters: NamedTensors): NamedTensors[] => {
  const split = layers.flatMap(({ name, copies }, index) =>
    ['weights', 'screen', 'bias'].flatMap((part): (readonly [string, tf.Tensor[]])[] => {
      const all = parameters[`${name}/${part}`];
      // Of the first layer copies are beside each other, [inputs, copies, width].
      const axis = index === 0 && part !== 'bias' ? 1 : 0;
      return all === undefined ? [] : [[`${name}/${part}`, tf.split(all, copies, axis)]];
    }),
  );
  const copies = layers[0]?.copies ?? 0;
  return Array.from({ length: copies }, (_, copy) =>
    Object.fromEntries(split.map(([name, ofCopies]) => [name, ofCopies[copy] as tf.Tensor])),
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

/** [inputs, copies, width], or [1, inputs, width] of a single copy, to [inputs, copies * width]. */
const columns = (weights: tf.Tensor, { copies, width }: LayerOptions): tf.Tensor2D =>
  weights.reshape([-1, copies * width]);

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

const biasedColumns = (x: tf.Tensor2D, options: LayerOptions, tensors: PartTensors): tf.Tensor2D =>
  biased(x, options, tensors, [options.copies * options.width]);

/** [rows, copies * width] to [copies, rows, width]. */
const apart = (x: tf.Tensor2D, { copies, width }: LayerOptions): tf.Tensor3D =>
  copies === 1 ? x.expandDims(0) : x.reshape([-1, copies, width]).transpose([1, 0, 2]);
