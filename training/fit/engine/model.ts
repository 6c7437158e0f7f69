import type { RankerDefinition } from '../../../src/definition/index.js';
import { tf, trace, type CompiledModel, type TensorSpec } from '../../compile/index.js';
import {
  createNetwork,
  taskLosses,
  type ForwardInputs,
  type NamedTensors,
  type Network,
  type ParameterSpec,
} from '../../network/index.js';
import type { EngineOptions } from '../types.js';
import { blockSize } from './blocks.js';
import type { LearnerPlan } from './learner.js';
import { besideNetwork, servedScreen, treatmentOf } from './treatment.js';

/** The functions an engine runs. `direct`: row i belongs to request i, so that nothing is gathered. */
export type GraphName = 'step' | 'step-direct' | 'predict' | 'predict-direct';

/** A function over named tensors with what it takes: to be traced, or to be run as it is. */
export interface ModelFunction {
  readonly inputs: readonly TensorSpec[];
  readonly run: (tensors: NamedTensors) => NamedTensors;
}

export interface Model {
  readonly network: Network;
  readonly plan: LearnerPlan;
  function(name: GraphName): ModelFunction;
}

/** What the definition asks to be trained, as plain tfjs functions and the data that an executor needs to feed them. */
export const createModel = (definition: RankerDefinition, layout: EngineOptions['layout']): Model => {
  const { requestWidth, candidateWidth, biasCells } = layout;
  const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
  const treatment = treatmentOf(definition, biasCells);
  const { screenCells, dropout: biasDropout, reversal } = treatment;
  const network = createNetwork({ definition: definition.network, tasks, requestWidth, candidateWidth, screenCells });
  const beside = besideNetwork(definition, { cells: biasCells, sharedWidth: network.sharedWidth });
  const parameters = [...network.parameters, ...beside.parameters];
  const kinds = tasks.map(({ task }) => task.kind);
  const weightsSpec = (specs: readonly ParameterSpec[]): TensorSpec[] =>
    specs.map(({ name, shape }) => ({ name: parameterInput(name), dtype: 'float32', shape }));
  const request = { name: 'request', dtype: 'float32', shape: ['requests', requestWidth] } as const;
  const candidate = { name: 'candidate', dtype: 'float32', shape: ['rows', candidateWidth] } as const;

  const step = (direct: boolean): ModelFunction => ({
    inputs: [
      ...[
        request,
        candidate,
        { name: 'labels', dtype: 'float32', shape: ['rows', tasks.length] } as const,
        { name: 'weights', dtype: 'float32', shape: ['rows', tasks.length] } as const,
        ...(biasDropout === undefined ? [] : [{ name: 'bias', dtype: 'int32', shape: ['rows'] } as const]),
        ...network.noise.map(({ name, shape }) => ({ name: noiseInput(name), dtype: 'float32', shape }) as const),
      ].map(direct ? ofOwnRequests : inBlocks),
      ...(reversal === undefined ? [] : [{ name: 'reversal', dtype: 'float32', shape: [1] } as const]),
      ...(direct ? [] : sharingSpecs),
      ...weightsSpec(parameters),
    ],
    run: (tensors) => {
      // An input without columns has no gradient.
      const sides = (['request', 'candidate'] as const).filter((side) => tensors[side]?.shape.at(-1) !== 0);
      const learned = [...sides, ...parameters.map(({ name }) => parameterInput(name))];
      const loss = (...values: tf.Tensor[]): tf.Scalar => {
        const all: NamedTensors = {
          ...tensors,
          ...Object.fromEntries(learned.map((name, index) => [name, values[index] as tf.Tensor])),
        };
        const noise = network.noise.map(({ name, shape }) => [name, ofRows(of(all, noiseInput(name)), shape)] as const);
        const weights = picked(all, 'parameters/');
        const cells = biasDropout === undefined ? undefined : of(all, 'bias').reshape<tf.Tensor1D>([-1]);
        const outputs = network.forward(weights, {
          request: of(all, 'request') as tf.Tensor2D,
          candidate: ofRows(of(all, 'candidate'), candidate.shape) as tf.Tensor2D,
          noise: Object.fromEntries(noise),
          ...(cells === undefined ? {} : { screen: cells }),
          ...(direct ? {} : sharing(all)),
        });
        const given = { parameters: weights, cells, reversal: all['reversal'] as tf.Tensor1D | undefined };
        const losses = taskLosses(kinds, {
          logits: beside.logits(outputs, given),
          labels: of(all, 'labels').reshape<tf.Tensor2D>([-1, tasks.length]),
          weights: of(all, 'weights').reshape<tf.Tensor2D>([-1, tasks.length]),
        });
        return beside.losses(losses, outputs, given) as unknown as tf.Scalar;
      };
      // The gradient of a vector is the gradient of its sum.
      const { value, grads } = tf.valueAndGrads(loss)(learned.map((name) => of(tensors, name)));
      return {
        losses: value,
        ...Object.fromEntries(learned.map((name, i) => [gradientOutput(name), grads[i] as tf.Tensor])),
      };
    },
  });

  const predict = (direct: boolean): ModelFunction => ({
    inputs: [
      ...(direct
        ? [request, candidate].map(ofOwnRequests)
        : [request, candidate, { name: 'request_of', dtype: 'int32', shape: ['rows'] } as const]),
      ...weightsSpec(network.parameters),
    ],
    run: (tensors) => {
      const { logits } = network.forward(picked(tensors, 'parameters/'), {
        request: of(tensors, 'request') as tf.Tensor2D,
        candidate: of(tensors, 'candidate') as tf.Tensor2D,
        noise: {},
        ...servedScreen(treatment),
        ...(direct ? {} : { requestOf: of(tensors, 'request_of') as tf.Tensor1D }),
      });
      return { logits };
    },
  });

  return {
    network,
    plan: {
      tasks: tasks.length,
      parameters,
      noise: network.noise,
      biasDropout,
      reversal,
      update: updateRule(definition),
    },
    function: (name) => (name.startsWith('step') ? step : predict)(name.endsWith('direct')),
  };
};

/** A function as an ONNX model. */
export const compileFunction = (model: Model, name: GraphName): CompiledModel => {
  const { inputs, run } = model.function(name);
  return trace({ name, inputs, run });
};

const parameterInput = (name: string): string => `parameters/${name}`;
const noiseInput = (name: string): string => `noise/${name}`;
const gradientOutput = (input: string): string => `gradients/${input}`;

const updateRule = ({ training = {} }: RankerDefinition): LearnerPlan['update'] => ({
  kind: training.optimizer?.kind ?? 'adam',
  weightDecay: training.weight_decay ?? 0,
  ...(training.clip_norm === undefined ? {} : { clipNorm: training.clip_norm }),
  ...(training.averaging === undefined ? {} : { averaging: training.averaging }),
});

/** Where every row is its own request there are as many requests as rows. */
const ofOwnRequests = (spec: TensorSpec): TensorSpec => ({
  ...spec,
  shape: spec.shape.map((size) => (size === 'requests' ? 'rows' : size)),
});

/** Where rows share requests they come in whole blocks: see blocks.ts. */
const inBlocks = (spec: TensorSpec): TensorSpec => ({
  ...spec,
  shape: spec.shape.flatMap((size) => (size === 'rows' ? ['blocks', blockSize] : size)),
});

const sharingSpecs: readonly TensorSpec[] = [
  { name: 'request_of', dtype: 'int32', shape: ['blocks', blockSize] },
  { name: 'sums/local', dtype: 'int32', shape: ['blocks', blockSize] },
  { name: 'sums/first', dtype: 'int32', shape: ['requests'] },
  { name: 'sums/carried', dtype: 'int32', shape: ['requests'] },
  { name: 'sums/chain', dtype: 'float32', shape: ['blocks', 'blocks'] },
];

const sharing = (tensors: NamedTensors): Required<Pick<ForwardInputs, 'requestOf' | 'requestSums'>> => ({
  requestOf: of(tensors, 'request_of').reshape<tf.Tensor1D>([-1]),
  requestSums: {
    local: of(tensors, 'sums/local') as tf.Tensor2D,
    first: of(tensors, 'sums/first') as tf.Tensor1D,
    carried: of(tensors, 'sums/carried') as tf.Tensor1D,
    chain: of(tensors, 'sums/chain') as tf.Tensor2D,
  },
});

/** A tensor of the given shape, whose rows may come in blocks. */
const ofRows = (tensor: tf.Tensor, shape: readonly (number | string)[]): tf.Tensor =>
  tensor.shape.length === shape.length
    ? tensor
    : tensor.reshape(shape.map((size) => (typeof size === 'number' ? size : -1)));

const of = (tensors: NamedTensors, name: string): tf.Tensor => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`no tensor ${name} was given`);
  return tensor;
};

/** The tensors under a prefix, by the rest of their names. */
const picked = (tensors: NamedTensors, prefix: string): NamedTensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
