import type { FeatureBatch } from '../features/index.js';

export type Device = 'cpu' | 'cuda';

/** Head values of a batch, rows in the batch's order. A value that is not finite was not scored. */
export interface Scores {
  readonly heads: Float32Array; // [rows, tasks], natural units
  /** How much each expert counts for each head, where the network mixes experts: [rows, tasks, experts]. */
  readonly gates?: Float32Array;
}

/**
 * Turns read features into head values. A batch may hold several requests, so that a caller can join requests into one run.
 * Calls may overlap; each answer belongs to its own batch.
 */
export interface Scorer {
  readonly version: string;
  /** Head names, in the order of the columns of `heads`. */
  readonly tasks: readonly string[];
  readonly device: Device;
  /** Rejects if the batch as a whole could not be scored. The batch is not changed and stays the caller's. */
  score(batch: FeatureBatch): Promise<Scores>;
  /** Waits for the batches in flight, then frees everything; `score` rejects from then on. Closing twice is allowed. */
  close(): Promise<void>;
}
