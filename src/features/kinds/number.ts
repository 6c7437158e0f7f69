import type { EncodeNumbers, FeatureKind, Fitter } from '../feature.js';
import { fieldReader, isMissing, numberOf } from '../fields.js';
import { fittedNumbers } from '../fitting/fitted.js';
import { Reservoir } from '../fitting/reservoir.js';
import { standardEncoder, standardFitter, transformed, type NumberTransform } from '../fitting/standardise.js';
import { oneHot } from '../one-hot.js';
import type { FeatureFit } from '../types.js';

/**
 * A number. Raw: as given. Encoded: clipped to [min, max], log1p if asked (negative numbers count as 0), then standardised,
 * left as it is, or one-hot over the quantiles of the training data. Missing: `default`; without one the mean
 * (standardise), 0 (raw) or no bucket at all (quantiles).
 */
export const number: FeatureKind<'number'> = ({ name, scope, definition }) => {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = definition;
  const log1p = definition.transform === 'log1p';
  const transform: NumberTransform = log1p
    ? { min: Math.max(0, min), max: Math.max(0, max), log1p }
    : { min, max, log1p };
  const encode = definition.encode ?? 'standardise';
  const buckets = encode === 'quantiles' ? (definition.buckets ?? 10) : 1;
  return {
    type: 'numbers',
    fromFields: true,
    width: 1,
    reader({ counter }) {
      const read = fieldReader(scope, definition.from ?? name);
      return (entry, out, at) => {
        const value = read(entry);
        const number = numberOf(value);
        if (Number.isNaN(number)) counter[isMissing(value) ? 'missing' : 'unknown']++;
        else if (number < min || number > max) counter.outOfRange++;
        out[at] = Math.fround(number);
      };
    },
    encodedWidth: buckets,
    ...(encode === 'standardise' ? { fitter: () => standardFitter(transform) } : {}),
    ...(encode === 'quantiles' ? { fitter: () => quantileFitter(name, buckets, transform) } : {}),
    encoder(fit) {
      if (encode === 'standardise') return standardEncoder(fit, transform, definition.default);
      if (encode === 'quantiles') return quantileEncoder(fit, { buckets, transform, missing: definition.default });
      return rawEncoder(transform, definition.default ?? 0);
    },
  };
};

function rawEncoder(transform: NumberTransform, missing: number): EncodeNumbers {
  return (values, count, { out, stride, offset }) => {
    for (let i = 0; i < count; i++) {
      const value = values[i] ?? Number.NaN;
      out[i * stride + offset] = transformed(Number.isNaN(value) ? missing : value, transform);
    }
  };
}

/** Edges between buckets: bucket k holds what is at least k of them. From a sample of 16,384 rows: ±0.4 % of rank. */
function quantileFitter(name: string, buckets: number, transform: NumberTransform): Fitter {
  const reservoir = new Reservoir({ name, width: 1 });
  return {
    observe(values, count) {
      for (let i = 0; i < count; i++) if (!Number.isNaN(values[i])) reservoir.add(values, i);
    },
    finish() {
      const sorted = reservoir
        .sample()
        .map((value) => transformed(value, transform))
        .sort();
      const edge = (k: number): number => sorted[Math.floor((k * sorted.length) / buckets)] ?? 0;
      return { edges: Array.from({ length: buckets - 1 }, (_, k) => edge(k + 1)) };
    },
  };
}

function quantileEncoder(
  fit: FeatureFit,
  options: { buckets: number; transform: NumberTransform; missing: number | undefined },
): EncodeNumbers {
  const edges = Float32Array.from(fittedNumbers(fit, 'edges', options.buckets - 1));
  const setBucket = oneHot(options.buckets);
  const missing = options.missing ?? Number.NaN;
  return (values, count, target) => {
    const indices = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const value = values[i] ?? Number.NaN;
      indices[i] = bucketOf(Math.fround(transformed(Number.isNaN(value) ? missing : value, options.transform)), edges);
    }
    setBucket(indices, count, target);
  };
}

/** How many edges are at or below the value; NaN for NaN. */
function bucketOf(value: number, edges: Float32Array): number {
  if (Number.isNaN(value)) return Number.NaN;
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((edges[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
