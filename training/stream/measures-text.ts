import type { HeadMeasures } from './types.js';

const number = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** A few lines of text, one per head: how well it fits what came. */
export const renderMeasures = (measures: HeadMeasures): string => {
  const head = ['head', 'rows', 'positives', 'AUC', 'calibration', 'entropy'];
  const lines = Object.entries(measures).map(([task, { rows, positives, auc, calibration, normalisedEntropy }]) => [
    task,
    String(rows),
    String(positives),
    number(auc, 4),
    number(calibration, 3),
    number(normalisedEntropy, 4),
  ]);
  const cells = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
};

/** The same in a few words: "click AUC 0.751, watch error 0.800" (the error relative to the mean's, for a regression). */
export const briefMeasures = (measures: HeadMeasures): string =>
  Object.entries(measures)
    .map(([task, { auc, normalisedEntropy }]) => {
      if (Number.isFinite(auc)) return `${task} AUC ${number(auc, 3)}`;
      return `${task} ${Number.isFinite(normalisedEntropy) ? `error ${number(normalisedEntropy, 3)}` : '–'}`;
    })
    .join(', ');
