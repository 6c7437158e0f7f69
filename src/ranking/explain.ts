import { fieldOf, type RankerDefinition, type ScoreDefinition } from '../definition/index.js';
import { fieldsOf, type Candidate, type FeatureBatch, type Fields, type RankingInput } from '../features/index.js';
import type { Scores } from '../inference/index.js';
import { scorePart } from '../policy/index.js';
import type { ItemExplanation } from './types.js';

type Values = Readonly<Record<string, unknown>>;

/**
 * The values that the features of one side had, before scaling: numbers as read (null where missing), ids and categories as sent, and for
 * what the service remembers itself (histories) how many ids there were.
 */
export const featureValues = (options: {
  readonly definition: RankerDefinition;
  readonly batch: FeatureBatch;
  readonly side: 'request' | 'candidate';
  readonly index: number;
  readonly fields: (scope: 'user' | 'context' | 'candidate') => Fields;
}): Values => {
  const { definition, batch, side, index, fields } = options;
  const values: [string, unknown][] = [];
  for (const [name, feature] of Object.entries(definition.features)) {
    const column = batch.columns.get(name);
    if (column?.side !== side) continue;
    if (column.type === 'numbers' && feature.kind !== 'category') {
      const read = Array.from(column.values.subarray(index * column.width, (index + 1) * column.width), orNull);
      values.push([name, read.length === 1 ? read[0] : read]);
    } else if (column.type === 'keys' && feature.kind === 'history') {
      values.push([name, { ids: (column.offsets[index + 1] ?? 0) - (column.offsets[index] ?? 0) }]);
    } else {
      values.push([name, fields(feature.scope)[fieldOf(name, feature)] ?? null]);
    }
  }
  return Object.fromEntries(values);
};

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Why one row has its score. */
export const explainRow = (options: {
  readonly definition: RankerDefinition;
  readonly tasks: readonly string[];
  readonly weights: Readonly<Record<string, number>>;
  readonly form: ScoreDefinition['form'];
  readonly input: RankingInput<Candidate>;
  readonly batch: FeatureBatch;
  readonly scores: Scores;
  readonly row: number;
}): ItemExplanation => {
  const { definition, tasks, weights, form, input, batch, scores, row } = options;
  const parts = tasks.map(
    (task, index) =>
      [task, scorePart(form, weights[task] ?? 0, scores.heads[row * tasks.length + index] ?? NaN)] as const,
  );
  const features = featureValues({
    definition,
    batch,
    side: 'candidate',
    index: row,
    fields: () => fieldsOf(input.candidates[row] ?? {}),
  });
  const gates = gateWeights(scores, tasks, { row, rows: batch.rows });
  return { parts: Object.fromEntries(parts), ...(gates && { gates }), features };
};

const gateWeights = (
  { gates }: Scores,
  tasks: readonly string[],
  { row, rows }: { row: number; rows: number },
): Record<string, number[]> | undefined => {
  if (gates === undefined) return undefined;
  const experts = gates.length / (rows * tasks.length);
  return Object.fromEntries(
    tasks.map((task, index) => {
      const start = (row * tasks.length + index) * experts;
      return [task, [...gates.subarray(start, start + experts)]] as const;
    }),
  );
};
