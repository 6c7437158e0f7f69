import { createRateScorer, type ServedModel } from '../inference/index.js';
import type { FeatureBatch } from '../features/index.js';

/**
 * [rows] what to order by when the model cannot score: the candidates’ rates, weighted as the heads would be, or evenly if
 * none of them has a weight. Undefined if there are no rates. Never shown as a score.
 */
export const rateScores = async (
  { definition, version }: ServedModel,
  batch: FeatureBatch,
  weights: Readonly<Record<string, number>>,
): Promise<Float64Array | undefined> => {
  const scorer = createRateScorer(definition, version);
  if (scorer === undefined) return undefined;
  const { tasks } = scorer;
  const { heads } = await scorer.score(batch);
  const rated = tasks.filter((_, head) => !Number.isNaN(heads[head]));
  const weighted = rated.some((task) => (weights[task] ?? 0) !== 0);
  return Float64Array.from({ length: batch.rows }, (_, row) =>
    tasks.reduce((sum, task, head) => {
      if (!rated.includes(task)) return sum;
      return sum + (weighted ? (weights[task] ?? 0) : 1) * (heads[row * tasks.length + head] ?? 0);
    }, 0),
  );
};
