import type { RankerDefinition } from '../../src/definition/index.js';
import { biasShape } from '../../src/features/index.js';
import type { TaskScaling } from '../fit/index.js';
import type { Estimate } from './types.js';

export interface TowerOptions {
  /** [cells, tasks] the tower's weights, as sealed. */
  readonly weights: Float32Array;
  /** By task, in the order of the definition. */
  readonly scaling: readonly TaskScaling[];
  /** [cells] how often each was shown, or 0 and 1 for what is asked about; all alike if left out. */
  readonly shown?: readonly number[];
}

/**
 * Examination by position as the bias tower learned it, by task and position; undefined for a task that has no tower, and for
 * a tower without the position.
 *
 *   ratio_k = sum_g w_g v(z + b_kg - mean b) / sum_g w_g v(z + b_1g - mean b)
 *
 * b_kg is the weight of position k with the values g of the other crossed features, w_g their share, mean b the mean over all
 * that was shown, z the logit of the task's mean rate: what an average candidate would bring at each position. v is the
 * sigmoid; for a regression z is 0 and v undoes the scaling of its labels.
 */
export const examinationByTower = (
  definition: RankerDefinition,
  options: TowerOptions,
): readonly (readonly Estimate[] | undefined)[] => {
  const { weights, scaling, shown } = options;
  const { parts, cells } = biasShape(definition);
  const place = parts.findIndex(({ name }) => name === 'position');
  const positions = parts[place]?.count ?? 0;
  const biased = definition.bias?.tasks;
  const inner = parts.slice(place + 1).reduce((product, { count }) => product * count, 1);
  const counts = Array.from({ length: cells }, (_, cell) => shown?.[cell] ?? 1);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const positionOf = (cell: number): number => Math.floor(cell / inner) % positions;
  /** The cell of the same other values at another position. */
  const cellAt = (cell: number, position: number): number => cell + (position - positionOf(cell)) * inner;
  return scaling.map((task, index) => {
    const hasTower =
      (definition.bias?.kind ?? 'tower') === 'tower' && (biased?.includes(task.name) ?? task.kind === 'binary');
    if (place < 0 || !hasTower || total === 0) return undefined;
    const weightOf = (cell: number): number => weights[cell * scaling.length + index] ?? 0;
    const mean = counts.reduce((sum, count, cell) => sum + (count / total) * weightOf(cell), 0);
    const valueAt = (position: number): number =>
      counts.reduce(
        (sum, count, cell) => sum + (count / total) * value(task, weightOf(cellAt(cell, position)) - mean),
        0,
      );
    const first = valueAt(0);
    if (!(first > 0)) return undefined;
    return Array.from({ length: positions }, (_, position) => ({ ratio: valueAt(position) / first }));
  });
};

/** A rate of 0 or 1 has no logit. */
const leastRate = 1e-4;

const value = ({ kind, transform, mean, deviation }: TaskScaling, shift: number): number => {
  if (kind === 'binary') {
    const rate = Math.min(1 - leastRate, Math.max(leastRate, mean));
    return 1 / (1 + Math.exp(-(Math.log(rate / (1 - rate)) + shift)));
  }
  const natural = mean + deviation * shift;
  return transform === 'log1p' ? Math.expm1(natural) : natural;
};
