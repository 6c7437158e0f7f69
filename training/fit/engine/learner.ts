import type { NetworkInputs } from '../../../src/features/index.js';
import type { NoiseSpec, ParameterSpec } from '../../network/index.js';
import { SeededRandom } from '../random.js';
import type { NamedArrays, StepBatch, StepResult } from '../types.js';
import { blockSize, padRows, requestSums } from './blocks.js';
import { createNoise, dropCells, noiseSize } from './noise.js';
import { reversalAt, type Reversal } from './reversal.js';
import { createWeights, loadState, stateOf, updateWeights, type UpdateRule } from './optimizer.js';

/** What a learner must know of a model; plain data, so that it can be sent to a thread. */
export interface LearnerPlan {
  readonly tasks: number;
  readonly parameters: readonly ParameterSpec[];
  readonly noise: readonly NoiseSpec[];
  /** Undefined where `bias` is left out. */
  readonly biasDropout: number | undefined;
  /** How an adversary's reversed gradient rises; undefined without one. */
  readonly reversal: Reversal | undefined;
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

  const noiseFeeds = ({ requests, rows }: NetworkInputs, random: SeededRandom): Record<string, RowFeed> =>
    Object.fromEntries(
      plan.noise.map((spec) => {
        const data = noise(spec, noiseSize(spec, { requests, rows }), random);
        return [
          `noise/${spec.name}`,
          { data, shape: spec.shape.map((dimension) => (dimension === 'requests' ? requests : dimension)) },
        ];
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
      const direct = isDirect(batch);
      const padded = direct ? batch : padRows(batch);
      const {
        requests,
        rows,
        requestOf,
        labels,
        weights: labelWeights,
        bias,
        seed,
        learningRate,
        progress = 1,
      } = padded;
      const random = new SeededRandom(seed);
      const ofRows: Record<string, RowFeed> = {
        ...matrixFeeds(padded),
        labels: { data: labels, shape: ['rows', plan.tasks] },
        weights: { data: labelWeights, shape: ['rows', plan.tasks] },
        ...(plan.biasDropout === undefined
          ? {}
          : { bias: { data: dropCells(bias, plan.biasDropout, random), shape: ['rows'] } }),
        ...(plan.reversal === undefined
          ? {}
          : { reversal: { data: Float32Array.of(reversalAt(progress, plan.reversal)), shape: [1] } }),
        ...noiseFeeds(padded, random),
      };
      const outputs = await executor.run('step', {
        ...(direct ? inRows(ofRows, rows) : { ...inBlocks(ofRows, rows), ...sharingFeeds(requestOf, requests) }),
        ...parameterFeeds(weights.parameters),
      });
      const all = outputs['losses'] ?? new Float32Array(0);
      const finite = all.every(Number.isFinite);
      const ofTasks = all.slice(0, plan.tasks);
      // An adversary's loss is not answered: where it alone is not finite, the answer must still say so.
      const losses = finite || ofTasks.some((loss) => !Number.isFinite(loss)) ? ofTasks : ofTasks.fill(Number.NaN);
      const gradients = new Map(
        plan.parameters.map(({ name }) => [name, outputs[`gradients/parameters/${name}`] ?? new Float32Array(0)]),
      );
      return {
        result: {
          losses,
          requestGradient: outputs['gradients/request'] ?? new Float32Array(0),
          candidateGradient: (outputs['gradients/candidate'] ?? new Float32Array(0)).slice(0, batch.candidate.length),
        },
        update: () => {
          if (finite) updateWeights(weights, plan.parameters, { rule: plan.update, gradients, rate: learningRate });
        },
      };
    },
    async predict(inputs) {
      const values = plan.update.averaging === undefined ? weights.parameters : weights.average;
      const { requestOf, rows } = inputs;
      const { logits } = await executor.run('predict', {
        ...inRows(matrixFeeds(inputs), rows),
        ...(isDirect(inputs) ? {} : { request_of: { data: requestOf, shape: [rows] } }),
        ...parameterFeeds(values),
      });
      return logits ?? new Float32Array(0);
    },
    state: () => stateOf(weights),
    load: (state) => loadState(weights, state),
    close: () => executor.close(),
  };
};

/** What is fed of which one dimension may be the rows. */
interface RowFeed {
  readonly data: Feed['data'];
  readonly shape: readonly (number | 'rows')[];
}

const matrixFeeds = ({ requests, rows, request, candidate }: NetworkInputs): Record<string, RowFeed> => ({
  request: { data: request, shape: [requests, requests === 0 ? 0 : request.length / requests] },
  candidate: { data: candidate, shape: ['rows', rows === 0 ? 0 : candidate.length / rows] },
});

const inRows = (feeds: Record<string, RowFeed>, rows: number): Record<string, Feed> =>
  shaped(feeds, (size) => (size === 'rows' ? [rows] : [size]));

const inBlocks = (feeds: Record<string, RowFeed>, rows: number): Record<string, Feed> =>
  shaped(feeds, (size) => (size === 'rows' ? [rows / blockSize, blockSize] : [size]));

const shaped = (feeds: Record<string, RowFeed>, sizes: (size: number | 'rows') => number[]): Record<string, Feed> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { data, shape }]) => [name, { data, shape: shape.flatMap(sizes) }]),
  );

const sharingFeeds = (requestOf: Int32Array, requests: number): Record<string, Feed> => {
  const { local, first, carried, chain } = requestSums(requestOf, requests);
  const blocks = requestOf.length / blockSize;
  return {
    request_of: { data: requestOf, shape: [blocks, blockSize] },
    'sums/local': { data: local, shape: [blocks, blockSize] },
    'sums/first': { data: first, shape: [requests] },
    'sums/carried': { data: carried, shape: [requests] },
    'sums/chain': { data: chain, shape: [blocks, blocks] },
  };
};

/** Whether row i belongs to request i. */
export const isDirect = ({
  requests,
  rows,
  requestOf,
}: Pick<NetworkInputs, 'requests' | 'rows' | 'requestOf'>): boolean =>
  requests === rows && requestOf.every((request, row) => request === row);
