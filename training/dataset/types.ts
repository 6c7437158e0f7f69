import type { RankerDefinition } from '../../src/definition/index.js';
import type { Fields, RankingInput } from '../../src/features/index.js';
import type { DatabaseOptions } from './database.js';

/** Where a data set comes from: a ranker's definition, its dataset.sql and the folder with the files. */
export interface DatasetSource extends DatabaseOptions {
  readonly definition: RankerDefinition;
  /** The text of dataset.sql: one SELECT. */
  readonly sql: string;
  /** How the query is called in errors. */
  readonly sqlFile: string;
  /** The folder that relative file names in the query refer to. It is only read. */
  readonly directory: string;
}

/** Half-open: from <= time < until, milliseconds since the epoch. A request counts by its first row's time. */
export interface TimeRange {
  readonly from?: number;
  readonly until?: number;
}

/**
 * One served list of a log with what came of it. Columns of dataset.sql by name: `time` (timestamp or milliseconds) is
 * needed; `user_id`, `item_id`, `request_id` and `position` are used where they are there; the rest are fields and labels.
 */
export interface LoggedRequest extends RankingInput {
  readonly requestId: string | undefined;
  /** [candidates] 1-based screen positions, 0 = unknown. */
  readonly positions: Int32Array;
  /** By task in definition order, each [candidates]: the label, NaN = unknown or masked by `when`. */
  readonly labels: readonly Float32Array[];
}

/** What is counted, never silent. */
export type DatasetWarning =
  | 'duplicate_rows'
  | 'rows_without_time'
  | 'conflicting_request_fields'
  /** With the column's name: a feature reads it and learns nothing. */
  | `null_in_every_row ${string}`
  /** Numbers that are infinite, or too large for any feature to hold. */
  | `infinite_values ${string}`
  /** With the label's name: known, and everywhere the same. */
  | `same_label_in_every_row ${string}`
  /** Values of a category that its list does not have, where there are many. */
  | `unlisted_values ${string}`
  /** An id that says in every row what a request says as id of the user or the candidate, under a name that none gives. */
  | `same_as_user_id ${string}`
  | `same_as_item_id ${string}`;

export interface DatasetWarnings {
  readonly counts: ReadonlyMap<DatasetWarning, number>;
}

/** What the rows hold, for people who want to see whether their query says what they mean. */
export interface DatasetSummary {
  readonly rows: number;
  readonly requests: number;
  /** By task: how many labels are known, of rows on which the task it waits for happened, and their mean. */
  readonly labels: ReadonlyMap<string, { readonly known: number; readonly mean: number }>;
  /** By column that features read: rows without a value. */
  readonly missing: ReadonlyMap<string, number>;
  /** Columns of the query that nothing reads. */
  readonly unread: readonly string[];
}

/** Rows of a log in time order, grouped into requests, read in bounded memory. */
export interface Dataset {
  /** Column names of the query. */
  readonly columns: readonly string[];
  readonly warnings: DatasetWarnings;
  /** Time of the first and of the last request, milliseconds. */
  readonly span: { readonly first: number; readonly last: number };
  /** The same requests in the same order at every call; several may be read at a time. */
  requests(range?: TimeRange): AsyncIterable<LoggedRequest>;
  /** Rows in the range, for progress bars. */
  count(range?: TimeRange): Promise<number>;
  /** One more pass over the rows. */
  summary(): Promise<DatasetSummary>;
  /** Ends open readers and removes the temporary files. */
  close(): Promise<void>;
}

export type { Fields };
