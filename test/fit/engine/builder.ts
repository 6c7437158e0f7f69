import type { RankerDefinition } from '../../../src/definition/index.js';
import { SeededRandom } from '../../../training/fit/random.js';
import type { EngineOptions, NamedArrays, StepBatch } from '../../../training/fit/types.js';

export const layout = { requestWidth: 5, candidateWidth: 4, biasCells: 3 };

/** Everything a step can do at once: both kinds of tasks, gates with dropout, a bias tower, decay, clipping, averages. */
export function busyRanker(training: RankerDefinition['training'] = {}): RankerDefinition {
  return {
    name: 'busy',
    features: {},
    tasks: {
      click: { kind: 'binary', label: 'click' },
      watch: { kind: 'regression', label: 'seconds', transform: 'log1p' },
      like: { kind: 'binary', label: 'like' },
    },
    network: {
      kind: 'mmoe',
      bottom: [12],
      experts: 3,
      expert_layers: [10, 6],
      towers: [5],
      gate_dropout: 0.2,
      dropout: 0.1,
      input_dropout: 0.1,
    },
    bias: { features: ['position'], positions: 3, dropout: 0.1 },
    score: { form: 'sum', weights: { click: 1 } },
    training: { weight_decay: 0.01, clip_norm: 0.5, averaging: 0.9, ...training },
  };
}

/** Without noise, so that the same batch gives the same loss whatever the seed. */
export function quietRanker(training: RankerDefinition['training'] = {}): RankerDefinition {
  const { network, ...rest } = busyRanker();
  const { kind, bottom, experts, expert_layers, towers } = network as Required<typeof network>;
  return {
    ...rest,
    network: { kind, bottom, experts, expert_layers, towers },
    bias: { features: ['position'], positions: 3 },
    training,
  };
}

export const optionsOf = (definition: RankerDefinition, seed = 1): EngineOptions => ({ definition, layout, seed });

export interface BatchShape {
  readonly seed?: number;
  /** Rows of each request. */
  readonly lists?: readonly number[];
  readonly learningRate?: number;
}

export function batchOf({ seed = 1, lists = [3, 1, 4], learningRate = 0.01 }: BatchShape = {}): StepBatch {
  const random = new SeededRandom(seed, 99);
  const uniform = (): number => random.next() / 2 ** 32;
  const requestOf = Int32Array.from(lists.flatMap((count, request) => new Array<number>(count).fill(request)));
  const rows = requestOf.length;
  const fill = (size: number, value: () => number): Float32Array => Float32Array.from({ length: size }, value);
  return {
    requests: lists.length,
    rows,
    request: fill(lists.length * layout.requestWidth, () => 2 * uniform() - 1),
    candidate: fill(rows * layout.candidateWidth, () => 2 * uniform() - 1),
    requestOf,
    labels: Float32Array.from({ length: rows * 3 }, (_, i) => (i % 3 === 1 ? 2 * uniform() - 1 : random.below(2))),
    weights: fill(rows * 3, () => (uniform() < 0.2 ? 0 : 1 / rows)),
    bias: Int32Array.from({ length: rows }, () => random.below(4) - 1),
    seed,
    learningRate,
  };
}

/** The largest difference, relative to the largest value of the array it is in. */
export function largestDifference(a: NamedArrays, b: NamedArrays): number {
  return Math.max(
    ...[...a].map(([name, values]) => {
      const others = b.get(name)!;
      const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
      return values.reduce((most, value, i) => Math.max(most, Math.abs(value - others[i]!)), 0) / size;
    }),
  );
}
