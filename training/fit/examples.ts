import type { FeatureBatch } from '../../src/features/index.js';

/** Whole requests as training sees them: what the features read before any outcome was known, and what came of it. */
export interface Examples {
  readonly batch: FeatureBatch;
  /** [rows, tasks] in natural units, NaN = unknown or masked. */
  readonly labels: Float32Array;
  /** [rows, tasks] how much each label counts, beside its task's weight; 1 if left out. */
  readonly weights?: Float32Array;
  /** [rows] 1-based, 0 = unknown. */
  readonly positions: Int32Array;
  /** [requests] milliseconds since the epoch. */
  readonly times: Float64Array;
}
