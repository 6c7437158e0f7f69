import type { FeatureBatch } from '../features/index.js';
import type { Timeline } from '../telemetry/index.js';

export type Device = 'cpu' | 'cuda';

/** Head values of a batch, rows in the batch's order. A value that is not finite was not scored. */
export interface Scores {
  readonly heads: Float32Array; // [rows, tasks], natural units
  /** How much each expert counts for each head, where the network mixes experts: [rows, tasks, experts]. */
  readonly gates?: Float32Array;
}

/** Who waits for scores, and until when. */
export interface ScoreOptions {
  /** The scores are of use until then, as performance.now() says it; for ever if left out. */
  readonly deadline?: number;
  /** Aborts when nobody waits any more. */
  readonly signal?: AbortSignal;
  /** Told how long it waited, was encoded and ran. */
  readonly timeline?: Timeline;
}

/** What was not run, because its scores would have come after the deadline, or because nobody waited for them any more. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
  readonly reason: 'deadline' | 'cancelled';
  constructor(reason: 'deadline' | 'cancelled') {
    super(reason === 'deadline' ? 'the scores would come after the deadline' : 'nobody waits for the scores any more');
    this.reason = reason;
  }
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
  /**
   * Rejects if the batch as a whole could not be scored, with {@link NotRun} if it was not even tried. What is running when
   * the deadline passes or the signal aborts is not interrupted (the runtime cannot be). The batch is not changed and stays
   * the caller's.
   */
  score(batch: FeatureBatch, options?: ScoreOptions): Promise<Scores>;
  /** Waits for the batches in flight, then frees everything; `score` rejects from then on. Closing twice is allowed. */
  close(): Promise<void>;
}
