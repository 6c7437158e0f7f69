import type { EventLog } from '../../../src/events/index.js';

/** Which part of the log is wanted. Exposures are read whatever is asked for. */
export interface LogTablesOptions {
  /** Either kind of log; it is only read. */
  readonly log: EventLog;
  /** Only lists of this ranker, and feedback on them. */
  readonly ranker?: string;
  /** Only lists with from <= time < to, milliseconds since the epoch, and feedback on them whenever it came. */
  readonly from?: number;
  readonly to?: number;
  /** What DuckDB may hold in memory before it spills to a temporary folder, e.g. '2GB'; 1GB if left out. */
  readonly memoryLimit?: string;
  /** DuckDB threads; at most 4 if left out. */
  readonly threads?: number;
  /** How many records of how many have been read. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was read, after what counts twice was taken out. */
export interface LogCounts {
  readonly lists: number;
  readonly shown: number;
  readonly unshown: number;
  readonly feedback: number;
  readonly exposures: number;
  /** The same request id again: the first one counts. */
  readonly duplicateLists: number;
  /** The same event id again for the same request: the first one counts. */
  readonly duplicateFeedback: number;
  /** Records of which a part cannot be read: nothing of them is in any table. */
  readonly damaged: number;
}

/** A row of a query as plain values: texts, numbers, booleans, null, lists as arrays, structs as objects. */
export type LogRow = Readonly<Record<string, unknown>>;

/**
 * The event log as tables of a temporary DuckDB database. Times are DOUBLE milliseconds since the epoch; ids are texts.
 *
 *   lists      list UINTEGER (its number here), request_id, user_id, time, ranker, version, fingerprint,
 *              arms MAP(VARCHAR, VARCHAR) by experiment, weights MAP(VARCHAR, DOUBLE) by task, form ('product', 'sum' or
 *              NULL for the definition's), exploration STRUCT(share, temperature, swaps, drawn, swap_position, swapped) or
 *              NULL, tasks VARCHAR[], candidates INTEGER (how many were ranked), user_fields JSON, context JSON
 *   shown      list, request_id, user_id, time, ranker, version, arms, context, item_id, position, row_index (place in the
 *              request, from 0, or NULL), score, propensity, heads FLOAT[] in the order of lists.tasks (NULL where nothing
 *              could be scored), fields JSON of the candidate
 *   unshown    list, request_id, item_id, row_index, heads FLOAT[]: ranked and not answered, where the order was varied
 *   feedback   event_id, request_id, user_id (the list's where the event names none), item_id, what, value, time
 *   exposures  user_id, experiment, arm, phase, time; as they came, a user may have several
 */
export interface LogTables {
  readonly counts: LogCounts;
  /** Times of the first and the last list or exposure; undefined where there is none. */
  readonly span: { readonly first: number; readonly last: number } | undefined;
  /** From this event time on no partition lacks anything; undefined where retention has dropped nothing yet. */
  readonly wholeFrom: number | undefined;
  /** All rows of a query; rejects with data_invalid for a query that DuckDB refuses. */
  query(sql: string): Promise<readonly LogRow[]>;
  /** The rows of a large result, in bounded memory; several may be read at a time. */
  rows(sql: string): AsyncGenerator<LogRow>;
  /** A statement without a result, e.g. CREATE TABLE … AS: tables of one's own go with the database. */
  run(sql: string): Promise<void>;
  /** Removes the database. */
  close(): Promise<void>;
}
