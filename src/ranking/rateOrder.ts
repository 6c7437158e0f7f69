import type { RankerDefinition } from '../definition/index.js';
import type { FeatureBatch } from '../features/index.js';

/**
 * [rows] what to order by when the model cannot score: the smoothed rates of each candidate, weighted as the heads would
 * be. Undefined if the definition keeps no rate per candidate; NaN for a candidate without one. Never shown as a score.
 */
export const rateScores = (
  definition: RankerDefinition,
  batch: FeatureBatch,
  weights: Readonly<Record<string, number>>,
): Float64Array | undefined => {
  const rate = itemRate(definition);
  const column = rate === undefined ? undefined : batch.columns.get(rate.name);
  if (rate === undefined || column?.type !== 'numbers') return undefined;
  const weighted = rate.tasks.some((task) => (weights[task] ?? 0) !== 0);
  const scores = new Float64Array(batch.rows);
  for (let row = 0; row < batch.rows; row++) {
    let sum = 0;
    rate.tasks.forEach((task, index) => {
      const value = column.values[row * column.width + index] ?? NaN;
      const weight = weighted ? (weights[task] ?? 0) : 1;
      if (weight !== 0) sum += weight * value;
    });
    scores[row] = sum;
  }
  return scores;
};

/** The rate kept per item, else any other rate with a single candidate key. */
const itemRate = (definition: RankerDefinition): { name: string; tasks: readonly string[] } | undefined => {
  const rates = Object.entries(definition.features).flatMap(([name, feature]) => {
    if (feature.kind !== 'rate' || feature.scope !== 'candidate') return [];
    const key = typeof feature.key === 'string' ? [feature.key] : feature.key;
    if (key.length !== 1) return [];
    return [{ name, key: key[0], tasks: typeof feature.of === 'string' ? [feature.of] : feature.of }];
  });
  return rates.find(({ key }) => key === 'item_id') ?? rates[0];
};
