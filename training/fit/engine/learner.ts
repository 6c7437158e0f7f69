import type { NetworkInputs } from '../../../src/features/index.js';
import type { NoiseSpec, ParameterSpec } from '../../network/index.js';
import { SeededRandom } from '../random.js';
import type { NamedArrays, StepBatch, StepResult } from '../types.js';
import { createNoise, dropCells, noiseSize } from './noise.js';
import { createWeights, loadState, stateOf, updateWeights, type UpdateRule } from './optimizer.js';

/** What a learner must know of a model; plain data, so that it can be sent to a thread. */
export interface LearnerPlan {
  readonly tasks: number;
  readonly parameters: readonly ParameterSpec[];
  readonly noise: readonly NoiseSpec[];
  /** Undefined without a bias tower. */
  readonly biasDropout: number | undefined;
  readonly update: UpdateRule;
}

export interface Feed {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** Runs a model's functions on some backend. */
export interface Executor {
  /** The outputs by name. */
  run(kind: 'step' | 'predict', feeds: Readonly<Record<string, Feed>>): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

/** What a step answers, and what is left to be done before anything else is asked. */
export interface LearnerStep {
  readonly result: StepResult;
  /** Moves the weights; the caller can have the result before, and use it meanwhile. */
  readonly update: () => void;
}

/**
 * Weights, optimiser and noise around an executor: the part that is the same whatever executes. One call at a time: the
 * arrays that are fed belong to the learner.
 */
export interface Learner {
  step(batch: StepBatch): Promise<LearnerStep>;
  predict(inputs: NetworkInputs): Promise<Float32Array>;
  state(): Map<string, Float32Array>;
  load(state: NamedArrays): void;
  close(): Promise<void>;
}

export const createLearner = (plan: LearnerPlan, initial: NamedArrays, executor: Executor): Learner => {
  const weights = createWeights(plan.update, initial);
  const noise = createNoise();

  const noiseFeeds = ({ requests, rows }: NetworkInputs, random: SeededRandom): Record<string, Feed> =>
    Object.fromEntries(
      plan.noise.map((spec) => {
        const shape = spec.shape.map((dimension) =>
          dimension === 'rows' ? rows : dimension === 'requests' ? requests : dimension,
        );
        return [`noise/${spec.name}`, { data: noise(spec, noiseSize(spec, { requests, rows }), random), shape }];
      }),
    );
  const parameterFeeds = (values: NamedArrays): Record<string, Feed> =>
    Object.fromEntries(
      plan.parameters.flatMap(({ name, shape }) => {
        const data = values.get(name);
        return data === undefined ? [] : [[`parameters/${name}`, { data, shape }]];
      }),
    );

  return {
    async step(batch) {
      const { rows, labels, weights: labelWeights, seed, learningRate } = batch;
      const random = new SeededRandom(seed);
      const outputs = await executor.run('step', {
        ...inputFeeds(batch),
        labels: { data: labels, shape: [rows, plan.tasks] },
        weights: { data: labelWeights, shape: [rows, plan.tasks] },
        ...(plan.biasDropout === undefined
          ? {}
          : { bias: { data: dropCells(batch.bias, plan.biasDropout, random), shape: [rows] } }),
        ...noiseFeeds(batch, random),
        ...parameterFeeds(weights.parameters),
      });
      const losses = outputs['losses'] ?? new Float32Array(0);
      const finite = losses.every(Number.isFinite);
      const gradients = new Map(
        plan.parameters.map(({ name }) => [name, outputs[`gradients/parameters/${name}`] ?? new Float32Array(0)]),
      );
      return {
        result: {
          losses,
          requestGradient: outputs['gradients/request'] ?? new Float32Array(0),
          candidateGradient: outputs['gradients/candidate'] ?? new Float32Array(0),
        },
        update: () => {
          if (finite) updateWeights(weights, plan.parameters, { rule: plan.update, gradients, rate: learningRate });
        },
      };
    },
    async predict(inputs) {
      const values = plan.update.averaging === undefined ? weights.parameters : weights.average;
      const { logits } = await executor.run('predict', { ...inputFeeds(inputs), ...parameterFeeds(values) });
      return logits ?? new Float32Array(0);
    },
    state: () => stateOf(weights),
    load: (state) => loadState(weights, state),
    close: () => executor.close(),
  };
};

/** The matrices, and whose each row is unless row i belongs to request i. */
const inputFeeds = ({ requests, rows, request, candidate, requestOf }: NetworkInputs): Record<string, Feed> => ({
  request: { data: request, shape: [requests, requests === 0 ? 0 : request.length / requests] },
  candidate: { data: candidate, shape: [rows, rows === 0 ? 0 : candidate.length / rows] },
  ...(isDirect({ requests, rows, requestOf }) ? {} : { request_of: { data: requestOf, shape: [rows] } }),
});

/** Whether row i belongs to request i. */
export const isDirect = ({
  requests,
  rows,
  requestOf,
}: Pick<NetworkInputs, 'requests' | 'rows' | 'requestOf'>): boolean =>
  requests === rows && requestOf.every((request, row) => request === row);
