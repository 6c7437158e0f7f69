import type { EncodeNumbers, Fitter } from '../feature.js';
import type { FeatureFit } from '../types.js';
import { Moments } from './moments.js';
import { fittedNumbers } from './fitted.js';

/**
 * What becomes of one raw number before it is standardised: clipped, then log1p if asked. Said and not given as a function:
 * a loop that calls another one for every feature is compiled with a call and two allocations per number.
 */
export interface NumberTransform {
  readonly min: number;
  readonly max: number;
  readonly log1p: boolean;
}

/** log1p of numbers that are at least 0. */
export const logarithm: NumberTransform = {
  min: Number.NEGATIVE_INFINITY,
  max: Number.POSITIVE_INFINITY,
  log1p: true,
};

/** NaN stays NaN (missing). */
export function transformed(value: number, { min, max, log1p }: NumberTransform): number {
  const clipped = value < min ? min : value > max ? max : value;
  return log1p ? Math.log1p(clipped) : clipped;
}

/** Fits mean and scale of one transformed number. */
export function standardFitter(transform: NumberTransform): Fitter {
  const moments = new Moments();
  return {
    observe(values, count) {
      for (let i = 0; i < count; i++) moments.add(transformed(values[i] ?? Number.NaN, transform));
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
  const absent = missing === undefined ? mean : transformed(missing, transform);
  return (values, count, { out, stride, offset }) => {
    for (let i = 0; i < count; i++) {
      const value = transformed(values[i] ?? Number.NaN, transform);
      out[i * stride + offset] = ((Number.isNaN(value) ? absent : value) - mean) * scale;
    }
  };
}
