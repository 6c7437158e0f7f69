import type { RankerDefinition } from '../../src/definition/index.js';
import { areaUnderCurve, calibrationRatio, normalisedEntropy } from '../metrics/index.js';
import type { HeadMeasure, HeadMeasures } from './types.js';

/** Predictions and what came, [rows, tasks] each. */
export interface HeadColumns {
  readonly heads: Float32Array;
  /** NaN = unknown or masked. */
  readonly labels: Float32Array;
}

/** One task's rows: those where the label is known and there is a prediction. */
export interface TaskColumn {
  readonly heads: Float64Array;
  readonly labels: Float64Array;
}

/** @param task of `tasks`: the column to take. */
export const taskColumn = (
  { heads, labels }: HeadColumns,
  { task, tasks }: { readonly task: number; readonly tasks: number },
): TaskColumn => {
  const known: number[] = [];
  for (let at = task; at < labels.length; at += tasks) {
    if (!Number.isNaN(labels[at]) && !Number.isNaN(heads[at])) known.push(at);
  }
  return {
    heads: Float64Array.from(known, (at) => heads[at] ?? Number.NaN),
    labels: Float64Array.from(known, (at) => labels[at] ?? Number.NaN),
  };
};

const binaryMeasure = ({ heads, labels }: TaskColumn): Omit<HeadMeasure, 'rows'> => ({
  positives: labels.reduce((sum, label) => sum + label, 0),
  auc: areaUnderCurve(heads, labels).value,
  calibration: calibrationRatio(heads, labels),
  normalisedEntropy: normalisedEntropy(heads, labels),
});

const regressionMeasure = (
  { heads, labels }: TaskColumn,
  scaled: (value: number) => number,
): Omit<HeadMeasure, 'rows'> => {
  const mean = labels.reduce((sum, label) => sum + scaled(label), 0) / labels.length;
  let error = 0;
  let variance = 0;
  labels.forEach((label, row) => {
    error += (scaled(heads[row] ?? Number.NaN) - scaled(label)) ** 2;
    variance += (scaled(label) - mean) ** 2;
  });
  return {
    positives: labels.filter((label) => label > 0).length,
    auc: Number.NaN,
    calibration: calibrationRatio(heads, labels),
    normalisedEntropy: error / variance,
  };
};

/** What squared errors of a task are measured on: log1p where its loss is. */
export const labelScale = ({ tasks }: RankerDefinition, task: string): ((value: number) => number) =>
  tasks[task]?.transform === 'log1p' ? (value) => Math.log1p(Math.max(0, value)) : (value) => value;

/** By task, over the rows that have both a label and a prediction. */
export const measureHeads = (definition: RankerDefinition, columns: HeadColumns): HeadMeasures => {
  const tasks = Object.entries(definition.tasks);
  return Object.fromEntries(
    tasks.map(([name, { kind }], task) => {
      const column = taskColumn(columns, { task, tasks: tasks.length });
      const measured =
        kind === 'binary' ? binaryMeasure(column) : regressionMeasure(column, labelScale(definition, name));
      return [name, { rows: column.labels.length, ...measured }];
    }),
  );
};
