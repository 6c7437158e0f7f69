import type { HeadMeasures } from './types.js';

const number = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** How well each head fits what came, in a few words: "click AUC 0.751, watch error 0.800" (the error relative to the mean's, for a regression). */
export const briefMeasures = (measures: HeadMeasures): string =>
  Object.entries(measures)
    .map(([task, { auc, normalisedEntropy }]) => {
      if (Number.isFinite(auc)) return `${task} AUC ${number(auc, 3)}`;
      return `${task} ${Number.isFinite(normalisedEntropy) ? `error ${number(normalisedEntropy, 3)}` : '–'}`;
    })
    .join(', ');
