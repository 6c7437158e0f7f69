import type { RankerDefinition } from '../../src/definition/index.js';
import type { Dataset, LoggedRequest } from '../dataset/index.js';
import { measure, type TaskMetrics } from './measure.js';
import { PredictionLog } from './predictions.js';

/** What a ranker is compared with: nothing known, counting, one network per task. */
export const baselineNames = ['constant', 'rates', 'single_task'] as const;
export type BaselineName = (typeof baselineNames)[number];

/** from <= time < to, milliseconds. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** Something that predicts without a network; it learns from requests that are over. */
export interface Baseline {
  readonly name: BaselineName;
  /** [candidates, tasks] in natural units. */
  predict(request: LoggedRequest): Float32Array;
  observe(request: LoggedRequest): void;
}

/** Running mean of one task's known labels. */
class Mean {
  sum = 0;
  count = 0;
  add(label: number): void {
    if (Number.isNaN(label)) return;
    this.sum += label;
    this.count += 1;
  }
  /** The mean, with `prior` observations of `expected` mixed in. */
  smoothed(expected: number, prior: number): number {
    return (this.sum + prior * expected) / (this.count + prior);
  }
}

const perRow = (request: LoggedRequest, tasks: number, value: (row: number, task: number) => number): Float32Array =>
  Float32Array.from({ length: request.candidates.length * tasks }, (_, i) => value(Math.floor(i / tasks), i % tasks));

const eachLabel = (request: LoggedRequest, visit: (row: number, task: number, label: number) => void): void => {
  for (const [task, labels] of request.labels.entries())
    for (const [row, label] of labels.entries()) visit(row, task, label);
};

/** Every candidate gets the mean outcome of the training part: AUC .5, normalised entropy about 1. */
const constantBaseline = (definition: RankerDefinition): Baseline => {
  const means = Object.keys(definition.tasks).map(() => new Mean());
  let predicting = false;
  return {
    name: 'constant',
    predict: (request) => {
      predicting = true;
      return perRow(request, means.length, (_, task) => means[task]?.smoothed(0.5, 1e-9) ?? 0.5);
    },
    observe: (request) => {
      if (!predicting) eachLabel(request, (_, task, label) => means[task]?.add(label));
    },
  };
};

const PRIOR = 20;

/** The mean of the user's and the item's smoothed past outcomes: what counting alone can do. */
const ratesBaseline = (definition: RankerDefinition): Baseline => {
  const tasks = Object.keys(definition.tasks).length;
  const overall = Array.from({ length: tasks }, () => new Mean());
  const keyed = new Map<string, Mean[]>();
  const of = (key: string): Mean[] => {
    let found = keyed.get(key);
    if (found === undefined) keyed.set(key, (found = overall.map(() => new Mean())));
    return found;
  };
  const keys = (request: LoggedRequest, row: number): string[] => [
    `user ${String(request.user['user_id'])}`,
    `item ${String(request.candidates[row]?.['item_id'])}`,
  ];
  return {
    name: 'rates',
    predict: (request) =>
      perRow(request, tasks, (row, task) => {
        const expected = overall[task]?.smoothed(0.5, 1e-9) ?? 0.5;
        const parts = keys(request, row).map((key) => keyed.get(key)?.[task]?.smoothed(expected, PRIOR) ?? expected);
        return parts.reduce((sum, part) => sum + part, 0) / parts.length;
      }),
    observe: (request) =>
      eachLabel(request, (row, task, label) => {
        overall[task]?.add(label);
        for (const key of keys(request, row)) of(key)[task]?.add(label);
      }),
  };
};

/**
 * The same ranker with one network per task and nothing shared but the inputs: what multi-task learning must match at a
 * fraction of the cost. The layers are those an expert and a tower would have had.
 */
export const singleTaskDefinition = (definition: RankerDefinition): RankerDefinition => {
  const {
    bottom = [],
    expert_layers: expertLayers = [],
    towers = [],
    dropout,
    input_dropout: inputDropout,
  } = definition.network;
  const { bias, ...untreated } = definition;
  return {
    ...untreated,
    // An adversary reads what tasks share, and here they share nothing.
    ...(bias === undefined || bias.kind === 'adversarial' ? {} : { bias }),
    network: {
      kind: 'independent',
      bottom: [...bottom, ...expertLayers],
      towers,
      ...(dropout === undefined ? {} : { dropout }),
      ...(inputDropout === undefined ? {} : { input_dropout: inputDropout }),
    },
  };
};

export const countingBaselines = (definition: RankerDefinition): Baseline[] => [
  constantBaseline(definition),
  ratesBaseline(definition),
];

export interface BaselineRun {
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests'>;
  readonly baseline: Baseline;
  readonly periods: readonly Period[];
}

/** A baseline knows everything before the period that it predicts, and nothing in it. */
export const runBaseline = async ({
  definition,
  dataset,
  baseline,
  periods,
}: BaselineRun): Promise<Record<string, TaskMetrics>> => {
  const log = new PredictionLog(definition);
  const [first] = periods;
  for await (const request of dataset.requests({ until: first?.from ?? 0 })) baseline.observe(request);
  for (const period of periods) {
    const over: LoggedRequest[] = [];
    for await (const request of dataset.requests({ from: period.from, until: period.to })) {
      log.append(request, baseline.predict(request));
      over.push(request);
    }
    for (const request of over) baseline.observe(request);
  }
  return measure(definition, log.since());
};
