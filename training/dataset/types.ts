import type { Fields, RankingInput } from '../../src/features/index.js';

/**
 * One served list of a log with what came of it. Columns of dataset.sql by name: `time` (timestamp or milliseconds) is
 * needed; `user_id`, `item_id`, `request_id` and `position` are used where they are there; the rest are fields and labels.
 */
export interface LoggedRequest extends RankingInput {
  readonly requestId: string | undefined;
  /** [candidates] 1-based screen positions, 0 = unknown. */
  readonly positions: Int32Array;
  /** [candidates] by task in definition order: the label, NaN = unknown or masked by `when`. */
  readonly labels: readonly Float32Array[];
}

export interface DatasetWarnings {
  /** Counted, never silent: duplicate rows dropped, rows without time, … by code. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Rows of a log in time order, grouped into requests, read in bounded memory. */
export interface Dataset {
  /** Column names of the query. */
  readonly columns: readonly string[];
  readonly warnings: DatasetWarnings;
  requests(range?: { readonly from?: number; readonly until?: number }): AsyncIterable<LoggedRequest>;
  /** Rows in the range, for progress bars. */
  count(range?: { readonly from?: number; readonly until?: number }): Promise<number>;
  close(): Promise<void>;
}

export type { Fields };
