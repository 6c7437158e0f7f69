import type { EncodeNumbers, Fitter } from '../feature.js';
import type { FeatureFit } from '../types.js';
import { Moments } from './moments.js';
import { fittedNumbers } from './fitted.js';

/** What becomes of one raw number before it is standardised; NaN stays NaN (missing). */
export type NumberTransform = (value: number) => number;

/** Fits mean and scale of one transformed number. */
export function standardFitter(transform: NumberTransform): Fitter {
  const moments = new Moments();
  return {
    observe(values, count) {
      for (let i = 0; i < count; i++) moments.add(transform(values[i] ?? Number.NaN));
    },
    finish: () => ({ mean: [moments.mean], scale: [moments.scale] }),
  };
}

/** (transform(x) - mean) * scale; a missing value encodes as `missing` (raw units), or as the mean: 0. */
export function standardEncoder(
  fit: FeatureFit,
  transform: NumberTransform,
  missing: number | undefined,
): EncodeNumbers {
  const [mean = 0] = fittedNumbers(fit, 'mean', 1);
  const [scale = 0] = fittedNumbers(fit, 'scale', 1);
  const absent = missing === undefined ? mean : transform(missing);
  return (values, count, { out, stride, offset }) => {
    for (let i = 0; i < count; i++) {
      const value = transform(values[i] ?? Number.NaN);
      out[i * stride + offset] = ((Number.isNaN(value) ? absent : value) - mean) * scale;
    }
  };
}
