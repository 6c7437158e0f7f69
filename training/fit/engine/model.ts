import type { RankerDefinition } from '../../../src/definition/index.js';
import { tf, trace, type CompiledModel, type TensorSpec } from '../../compile/index.js';
import {
  biasParameter,
  createBiasTower,
  createNetwork,
  taskLosses,
  type ForwardInputs,
  type NamedTensors,
  type Network,
  type ParameterSpec,
} from '../../network/index.js';
import type { EngineOptions } from '../types.js';
import type { LearnerPlan } from './learner.js';

/** The functions an engine runs. `direct`: row i belongs to request i, so that nothing is gathered. */
export const graphNames = ['step', 'step-direct', 'predict', 'predict-direct'] as const;
export type GraphName = (typeof graphNames)[number];

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
  const network = createNetwork({ definition: definition.network, tasks, requestWidth, candidateWidth });
  const biasTasks = definition.bias?.tasks;
  const tower =
    biasCells === 0
      ? undefined
      : createBiasTower(
          biasCells,
          tasks.map(({ name, task }) => ({ biased: biasTasks?.includes(name) ?? task.kind === 'binary' })),
        );
  const parameters = [...network.parameters, ...(tower?.parameters ?? [])];
  const kinds = tasks.map(({ task }) => task.kind);
  const weightsSpec = (specs: readonly ParameterSpec[]): TensorSpec[] =>
    specs.map(({ name, shape }) => ({ name: parameterInput(name), dtype: 'float32', shape }));
  const matrices: TensorSpec[] = [
    { name: 'request', dtype: 'float32', shape: ['requests', requestWidth] },
    { name: 'candidate', dtype: 'float32', shape: ['rows', candidateWidth] },
  ];

  const step = (direct: boolean): ModelFunction => ({
    inputs: [
      ...inputSpecs(matrices, direct),
      { name: 'labels', dtype: 'float32', shape: ['rows', tasks.length] },
      { name: 'weights', dtype: 'float32', shape: ['rows', tasks.length] },
      ...(tower === undefined ? [] : [{ name: 'bias', dtype: 'int32', shape: ['rows'] } as const]),
      ...network.noise.map(({ name, shape }) => ({
        name: noiseInput(name),
        dtype: 'float32' as const,
        shape: shape.map((size) => (direct && size === 'requests' ? 'rows' : size)),
      })),
      ...weightsSpec(parameters),
    ],
    run: (tensors) => {
      // An input without columns has no gradient.
      const sides = (['request', 'candidate'] as const).filter((side) => tensors[side]?.shape[1] !== 0);
      const learned = [...sides, ...parameters.map(({ name }) => parameterInput(name))];
      const loss = (...values: tf.Tensor[]): tf.Scalar => {
        const all: NamedTensors = {
          ...tensors,
          ...Object.fromEntries(learned.map((name, index) => [name, values[index] as tf.Tensor])),
        };
        const logits = network.forward(picked(all, 'parameters/'), forwardInputs(all)).logits;
        const seen = tower?.logits(
          of(all, parameterInput(biasParameter)) as tf.Tensor2D,
          of(all, 'bias') as tf.Tensor1D,
        );
        return taskLosses(kinds, {
          logits: seen === undefined ? logits : logits.add(seen),
          labels: of(all, 'labels') as tf.Tensor2D,
          weights: of(all, 'weights') as tf.Tensor2D,
        }) as unknown as tf.Scalar;
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
    inputs: [...inputSpecs(matrices, direct), ...weightsSpec(network.parameters)],
    run: (tensors) => ({
      logits: network.forward(picked(tensors, 'parameters/'), { ...forwardInputs(tensors), noise: {} }).logits,
    }),
  });

  return {
    network,
    plan: {
      tasks: tasks.length,
      parameters,
      noise: network.noise,
      biasDropout: tower === undefined ? undefined : (definition.bias?.dropout ?? 0),
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

export const parameterInput = (name: string): string => `parameters/${name}`;
export const noiseInput = (name: string): string => `noise/${name}`;
export const gradientOutput = (input: string): string => `gradients/${input}`;

const updateRule = ({ training = {} }: RankerDefinition): LearnerPlan['update'] => ({
  kind: training.optimizer?.kind ?? 'adam',
  weightDecay: training.weight_decay ?? 0,
  ...(training.clip_norm === undefined ? {} : { clipNorm: training.clip_norm }),
  ...(training.averaging === undefined ? {} : { averaging: training.averaging }),
});

/** Where every row is its own request there are as many requests as rows, and no need to say whose each row is. */
const inputSpecs = (matrices: readonly TensorSpec[], direct: boolean): TensorSpec[] =>
  direct
    ? matrices.map((spec) => ({ ...spec, shape: ['rows', spec.shape[1] as number] }))
    : [...matrices, { name: 'request_of', dtype: 'int32', shape: ['rows'] }];

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

const forwardInputs = (tensors: NamedTensors): ForwardInputs => ({
  request: of(tensors, 'request') as tf.Tensor2D,
  candidate: of(tensors, 'candidate') as tf.Tensor2D,
  ...(tensors['request_of'] === undefined ? {} : { requestOf: tensors['request_of'] as tf.Tensor1D }),
  noise: picked(tensors, 'noise/'),
});
