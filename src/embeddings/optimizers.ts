import type { Gradients } from './gradients.js';
import { keyWords, type Rows } from './rows.js';
import type { SparseOptimizerOptions } from './types.js';

/** A per-row array that grows, moves and is saved with the rows. */
export interface RowArray {
  readonly name: string;
  /** Numbers per row. */
  readonly width: number;
  values: Float32Array | Uint32Array;
}

/** One sparse optimiser: its per-row state, and a step over the touched rows. Formulas: SparseOptimizerOptions. */
export interface SparseOptimizer {
  readonly state: readonly RowArray[];
  step(rows: Rows, gradients: Gradients, rate: number): void;
}

export function createOptimizer(options: SparseOptimizerOptions, dim: number): SparseOptimizer {
  switch (options.kind) {
    case 'rowwise_adagrad':
      return rowwiseAdagrad(dim);
    case 'lazy_adam':
      return lazyAdam(dim, options.beta1 ?? 0.9, options.beta2 ?? 0.999);
  }
}

function rowwiseAdagrad(dim: number): SparseOptimizer {
  const squares = { name: 'adagrad/squares', width: 1, values: new Float32Array(0) };
  return {
    state: [squares],
    step: (rows, { touched, sums, count }, rate) => {
      const { floats, stride } = rows;
      const { values } = squares;
      for (let place = 0; place < count; place += 1) {
        const row = touched[place] as number;
        const from = place * dim;
        let square = 0;
        for (let column = 0; column < dim; column += 1) square += (sums[from + column] as number) ** 2;
        const total = (values[row] as number) + square / dim;
        values[row] = total;
        const factor = rate / (Math.sqrt(total) + 1e-10);
        const at = row * stride + keyWords;
        for (let column = 0; column < dim; column += 1) {
          (floats[at + column] as number) -= factor * (sums[from + column] as number);
        }
      }
    },
  };
}

function lazyAdam(dim: number, beta1: number, beta2: number): SparseOptimizer {
  const moments = { name: 'adam/moments', width: 2 * dim, values: new Float32Array(0) }; // m, then v
  const steps = { name: 'adam/steps', width: 1, values: new Uint32Array(0) };
  return {
    state: [moments, steps],
    step: (rows, { touched, sums, count }, rate) => {
      const { floats, stride } = rows;
      const { values } = moments;
      for (let place = 0; place < count; place += 1) {
        const row = touched[place] as number;
        const from = place * dim;
        const at = row * stride + keyWords;
        const m = row * 2 * dim;
        const v = m + dim;
        const step = (steps.values[row] as number) + 1;
        steps.values[row] = step;
        const factor = rate / (1 - beta1 ** step);
        const correction = 1 / (1 - beta2 ** step);
        for (let column = 0; column < dim; column += 1) {
          const g = sums[from + column] as number;
          const mean = beta1 * (values[m + column] as number) + (1 - beta1) * g;
          const square = beta2 * (values[v + column] as number) + (1 - beta2) * g * g;
          values[m + column] = mean;
          values[v + column] = square;
          (floats[at + column] as number) -= (factor * mean) / (Math.sqrt(square * correction) + 1e-8);
        }
      }
    },
  };
}
