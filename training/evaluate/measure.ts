import type { RankerDefinition, TaskDefinition } from '../../src/definition/index.js';
import {
  areaUnderCurve,
  calibrationBins,
  calibrationError,
  calibrationRatio,
  groupedAreaUnderCurve,
  logLoss,
  meanAbsoluteError,
  meanSquaredError,
  ndcg,
  normalisedEntropy,
  pairwiseAccuracy,
  type CalibrationBin,
  type Estimate,
} from '../metrics/index.js';
import type { Predictions } from './predictions.js';

/** Every measure of one task, by name; `halfWidth` has those with a 95 % interval. Absent where the data cannot say. */
export interface TaskMetrics {
  readonly rows: number;
  readonly values: Readonly<Record<string, number>>;
  readonly halfWidth: Readonly<Record<string, number>>;
}

/** Which measures say the most, which way is better: for tables and for choosing. */
export const headlines = {
  binary: ['auc', 'groupedAuc', 'logLoss', 'normalisedEntropy', 'calibrationRatio', 'calibrationError', 'ndcg10'],
  regression: ['mse', 'mae', 'xauc'],
} as const;

const collect = (rows: number, estimates: Readonly<Record<string, Estimate | number>>): TaskMetrics => {
  const values: Record<string, number> = {};
  const halfWidth: Record<string, number> = {};
  for (const [name, estimate] of Object.entries(estimates)) {
    const value = typeof estimate === 'number' ? estimate : estimate.value;
    if (Number.isFinite(value)) values[name] = value;
    if (typeof estimate !== 'number' && Number.isFinite(estimate.halfWidth)) halfWidth[name] = estimate.halfWidth;
  }
  return { rows, values, halfWidth };
};

interface Column {
  readonly predicted: Float64Array;
  readonly label: Float64Array;
  readonly groups: readonly string[];
  readonly requests: readonly string[];
}

/** The rows whose label is known. */
const known = (predictions: Predictions, task: number): Column => {
  const labels = predictions.labels[task] ?? new Float64Array();
  const heads = predictions.heads[task] ?? new Float64Array();
  const rows = [...labels.keys()].filter((row) => !Number.isNaN(labels[row] ?? Number.NaN));
  return {
    predicted: Float64Array.from(rows, (row) => heads[row] ?? Number.NaN),
    label: Float64Array.from(rows, (row) => labels[row] ?? Number.NaN),
    groups: rows.map((row) => predictions.groups[row] ?? ''),
    requests: rows.map((row) => predictions.requests[row] ?? ''),
  };
};

const measureBinary = ({ predicted, label, groups, requests }: Column): TaskMetrics =>
  collect(label.length, {
    positives: label.reduce((sum, y) => sum + y, 0),
    auc: areaUnderCurve(predicted, label),
    groupedAuc: groupedAreaUnderCurve(predicted, label, groups),
    logLoss: logLoss(predicted, label),
    normalisedEntropy: normalisedEntropy(predicted, label),
    calibrationError: calibrationError(predicted, label),
    calibrationRatio: calibrationRatio(predicted, label),
    ndcg10: ndcg(predicted, label, { requests, k: 10 }),
  });

/** Squared error is on the label's own training scale (log1p seconds, say); absolute error in natural units. */
const measureRegression = ({ predicted, label }: Column, transform: TaskDefinition['transform']): TaskMetrics => {
  const scale = (column: Float64Array): Float64Array =>
    transform === 'log1p' ? column.map((value) => Math.log1p(Math.max(0, value))) : column;
  return collect(label.length, {
    mse: meanSquaredError(scale(predicted), scale(label)),
    mae: meanAbsoluteError(predicted, label),
    xauc: pairwiseAccuracy(predicted, label),
  });
};

/** Every task's measures over the rows whose label is known. */
export const measure = (definition: RankerDefinition, predictions: Predictions): Record<string, TaskMetrics> =>
  Object.fromEntries(
    Object.entries(definition.tasks).map(([name, task], index) => {
      const column = known(predictions, index);
      return [name, task.kind === 'binary' ? measureBinary(column) : measureRegression(column, task.transform)];
    }),
  );

/** Calibration by bins of equal size, of one task. */
export const calibrationOf = (predictions: Predictions, task: number): CalibrationBin[] => {
  const { predicted, label } = known(predictions, task);
  return label.length === 0 ? [] : calibrationBins(predicted, label);
};

/** Means over runs that differ by seed, and their standard deviation, measure by measure. */
export interface SeededMetrics extends TaskMetrics {
  readonly spread: Readonly<Record<string, number>>;
}

export const overSeeds = (runs: readonly Record<string, TaskMetrics>[]): Record<string, SeededMetrics> => {
  const [first] = runs;
  if (first === undefined) return {};
  return Object.fromEntries(
    Object.entries(first).map(([task, metrics]) => {
      const values: Record<string, number> = {};
      const spread: Record<string, number> = {};
      for (const name of Object.keys(metrics.values)) {
        const found = runs.map((run) => run[task]?.values[name] ?? Number.NaN);
        const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
        values[name] = mean;
        const squares = found.reduce((sum, value) => sum + (value - mean) ** 2, 0);
        spread[name] = found.length < 2 ? 0 : Math.sqrt(squares / (found.length - 1));
      }
      return [task, { ...metrics, values, spread }];
    }),
  );
};
