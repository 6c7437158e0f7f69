import type { RankerDefinition } from '../definition/index.js';
import type { FeatureBatch } from '../features/index.js';

const defaultPrior = 20;

/**
 * [rows] what to order by when the model cannot score: each candidate's smoothed rates, weighted as the heads would be.
 * A rate's raw values are per task the sum of outcomes and then per task their number; they are shrunk towards the mean of
 * this list: (sum + prior·mean) / (n + prior). Undefined if the definition keeps no rate per candidate. Never shown as a score.
 */
export const rateScores = (
  definition: RankerDefinition,
  batch: FeatureBatch,
  weights: Readonly<Record<string, number>>,
): Float64Array | undefined => {
  const rate = itemRate(definition);
  const column = rate && batch.columns.get(rate.name);
  if (rate === undefined || column?.type !== 'numbers' || column.side !== 'candidate') return undefined;
  const { values, width } = column;
  const tasks = rate.tasks.length;
  const scores = new Float64Array(batch.rows);
  const weighted = rate.tasks.some((task) => (weights[task] ?? 0) !== 0);
  rate.tasks.forEach((task, index) => {
    const weight = weighted ? (weights[task] ?? 0) : 1;
    const sum = (row: number): number => values[row * width + index] ?? 0;
    const known = (row: number): number => values[row * width + tasks + index] ?? 0;
    let [allSums, allKnown] = [0, 0];
    for (let row = 0; row < batch.rows; row++) [allSums, allKnown] = [allSums + sum(row), allKnown + known(row)];
    const mean = allKnown > 0 ? allSums / allKnown : 0;
    for (let row = 0; row < batch.rows; row++) {
      const smoothed = (sum(row) + rate.prior * mean) / (known(row) + rate.prior);
      scores[row] = (scores[row] ?? 0) + weight * smoothed;
    }
  });
  return scores;
};

interface ItemRate {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly prior: number;
}

/** The rate kept per item, else any other rate with a single key. */
const itemRate = (definition: RankerDefinition): ItemRate | undefined => {
  const rates = Object.entries(definition.features).flatMap(([name, feature]) => {
    if (feature.kind !== 'rate' || feature.scope !== 'candidate') return [];
    const keys = typeof feature.key === 'string' ? [feature.key] : feature.key;
    if (keys.length !== 1) return [];
    const tasks = typeof feature.of === 'string' ? [feature.of] : feature.of;
    return [{ name, key: keys[0], tasks, prior: feature.prior ?? defaultPrior }];
  });
  return rates.find(({ key }) => key === 'item_id') ?? rates[0];
};
