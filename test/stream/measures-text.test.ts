import { expect, test } from '@jest/globals';
import { briefMeasures } from '../../training/stream/index.js';

const measures = {
  click: { rows: 2000, positives: 412, auc: 0.75123, calibration: 1.0404, normalisedEntropy: 0.91234 },
  watch: { rows: 412, positives: 412, auc: Number.NaN, calibration: 0.9, normalisedEntropy: 0.8 },
  like: { rows: 0, positives: 0, auc: Number.NaN, calibration: Number.NaN, normalisedEntropy: Number.NaN },
};

test('measures in a few words', () => {
  expect(briefMeasures(measures)).toBe('click AUC 0.751, watch error 0.800, like –');
});
