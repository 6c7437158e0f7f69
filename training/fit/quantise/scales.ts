import type { Weights } from './weights.js';

/**
 * Weights have 7 bits of 8. A processor without instructions for products of bytes adds two of them in 16 bits, which
 * 2 x 255 x 64 fits into: it gives the same sums as one that has them.
 */
const largestWeight = 64;
/** A column of nothing needs some step all the same, and what is less than this is nothing. */
const leastStep = 1e-12;

export interface QuantisedWeights {
  readonly dims: readonly number[];
  readonly values: Int8Array; // [inputs, width]
  /** What one step of a column is worth: [width]. */
  readonly steps: Float32Array;
}

/**
 * Rounds weights that read inputs divided by `divisors` [inputs], with steps of its own for each column: none below `least`
 * [width], if given.
 */
export const quantiseWeights = (
  { dims, values }: Weights,
  divisors: Float32Array,
  least?: Float32Array,
): QuantisedWeights => {
  const [inputs = 0, width = 0] = dims;
  const largest = new Float32Array(width);
  for (let input = 0, at = 0; input < inputs; input++) {
    const divisor = divisors[input] ?? 1;
    for (let column = 0; column < width; column++, at++) {
      const size = Math.abs((values[at] ?? 0) * divisor);
      if (size > (largest[column] ?? 0)) largest[column] = size;
    }
  }
  const steps = largest.map((size, column) => Math.max(size / largestWeight, least?.[column] ?? 0, leastStep));
  const rounded = new Int8Array(inputs * width);
  for (let input = 0, at = 0; input < inputs; input++) {
    const divisor = divisors[input] ?? 1;
    for (let column = 0; column < width; column++, at++) {
      rounded[at] = Math.round(((values[at] ?? 0) * divisor) / (steps[column] ?? 1));
    }
  }
  return { dims, values: rounded, steps };
};

/** For each input the largest weight that reads it, over all matrices. */
export const largestByInput = (matrices: readonly Weights[]): Float32Array => {
  const found = new Float32Array(matrices[0]?.dims[0] ?? 0);
  for (const { dims, values } of matrices) {
    const [inputs = 0, width = 0] = dims;
    for (let input = 0; input < inputs; input++) {
      const row = values.subarray(input * width, (input + 1) * width);
      found[input] = Math.max(found[input] ?? 0, farthestOf(row));
    }
  }
  return found;
};

/** The largest distance from zero. */
export const farthestOf = (values: Float32Array): number => {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
};

/**
 * What each column is divided by, 1 where it is not read, so that one step serves all of them: columns that reach far are shared between the
 * values, which get smaller, and the weights, which get larger (Xiao et al., SmoothQuant, 2023). With `share` 1 every
 * column reaches 1, with 0 every row of weights.
 */
export const divisorsOf = (reach: Float32Array, weights: Float32Array, share: number): Float32Array =>
  reach.map((most, column) => {
    const weight = weights[column] ?? 0;
    return most > 0 && weight > 0 ? most ** share / weight ** (1 - share) : 1;
  });
