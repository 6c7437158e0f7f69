import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import { defaultRatePrior, requestStarts, type FeatureBatch } from '../features/index.js';
import type { Scorer } from './types.js';

/**
 * Scores without a model, from what the feature state counted of each candidate: head values are the rate of the item,
 * shrunk towards the mean of its list, (sum + prior·mean) / (n + prior). Heads without a rate are NaN. Undefined if the
 * definition keeps no rate per candidate.
 */
export const createRateScorer = (definition: RankerDefinition, version: string): Scorer | undefined => {
  const rate = itemRate(definition);
  if (rate === undefined) return undefined;
  const tasks = Object.keys(definition.tasks);
  let closed = false;
  return {
    version,
    tasks,
    device: 'cpu',
    score: (batch) => {
      if (closed) return Promise.reject(new WatchnextError('not_ready', `Version ${version} is closed.`));
      return Promise.resolve({ heads: rateHeads(batch, rate, tasks) });
    },
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
};

interface ItemRate {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly prior: number;
}

/** A rate’s raw values are, per row, the sum of outcomes of each of its tasks and then how many were known. */
const rateHeads = (batch: FeatureBatch, rate: ItemRate, tasks: readonly string[]): Float32Array => {
  const heads = new Float32Array(batch.rows * tasks.length).fill(NaN);
  const column = batch.columns.get(rate.name);
  if (column?.type !== 'numbers' || column.side !== 'candidate') return heads;
  const { values, width } = column;
  const starts = requestStarts(batch);
  rate.tasks.forEach((task, index) => {
    const head = tasks.indexOf(task);
    const sum = (row: number): number => values[row * width + index] ?? 0;
    const known = (row: number): number => values[row * width + rate.tasks.length + index] ?? 0;
    for (let request = 0; request < batch.requests; request++) {
      const [first, end] = [starts[request] ?? 0, starts[request + 1] ?? 0];
      let [sums, all] = [0, 0];
      for (let row = first; row < end; row++) [sums, all] = [sums + sum(row), all + known(row)];
      const mean = all > 0 ? sums / all : 0;
      for (let row = first; row < end; row++)
        heads[row * tasks.length + head] = (sum(row) + rate.prior * mean) / (known(row) + rate.prior);
    }
  });
  return heads;
};

/** The rate kept per item, else any other rate with a single key. */
const itemRate = (definition: RankerDefinition): ItemRate | undefined => {
  const rates = Object.entries(definition.features).flatMap(([name, feature]) => {
    if (feature.kind !== 'rate' || feature.scope !== 'candidate') return [];
    const keys = typeof feature.key === 'string' ? [feature.key] : feature.key;
    if (keys.length !== 1) return [];
    const tasks = typeof feature.of === 'string' ? [feature.of] : feature.of;
    return [{ name, key: keys[0], tasks, prior: feature.prior ?? defaultRatePrior }];
  });
  return rates.find(({ key }) => key === 'item_id') ?? rates[0];
};
