import { WatchnextError } from '../../../src/errors.js';
import { decodeEvent, walk, type LoggedEvent, type LogRecord } from '../../../src/events/index.js';
import { openDatabase, rowsOf, type Database } from '../database.js';
import { exposureRow, feedbackRow, impressionRows } from './rows.js';
import { createRecordTables, createTables, recordTableNames, type RecordTable } from './schema.js';
import type { LogCounts, LogRow, LogTables, LogTablesOptions } from './types.js';
import { openTableWriter, type TableWriter } from './writer.js';

/**
 * Reads a log into tables, as it is now: what is appended meanwhile is left out. A record that cannot be read is counted and
 * left out whole. Memory is bounded: DuckDB spills to a temporary folder that `close` removes. Rejects with what the log's
 * reader rejects with, e.g. log_unavailable.
 */
export const openLogTables = async (options: LogTablesOptions): Promise<LogTables> => {
  const { ranker, from, to, memoryLimit, threads } = options;
  const database = await openDatabase({
    ...(memoryLimit !== undefined && { memoryLimit }),
    ...(threads !== undefined && { threads }),
  });
  const { connection } = database;
  try {
    for (const statement of createRecordTables()) await connection.run(statement);
    const { damaged, wholeFrom } = await readLog(database, options);
    const onlyKnownLists = ranker !== undefined || from !== undefined || to !== undefined;
    for (const statement of createTables({ onlyKnownLists })) await connection.run(statement);
    const { first, last, ...counts } = await countsOf(database);
    for (const table of ['list_records', 'feedback_records']) await connection.run(`DROP TABLE ${table}`);
    return {
      counts: { ...counts, damaged },
      span: first === undefined || last === undefined ? undefined : { first, last },
      wholeFrom,
      query: (sql) => asked(sql, () => rowsOf(connection, sql)),
      rows: (sql) => streamed(database, sql),
      run: async (sql) => {
        await asked(sql, () => connection.run(sql));
      },
      close: () => {
        database.close();
        return Promise.resolve();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
};

/** Everything that is wanted of the log, into the record tables; answers how many records are damaged, and how far back it goes. */
const readLog = async (
  { connection }: Database,
  options: LogTablesOptions,
): Promise<{ readonly damaged: number; readonly wholeFrom: number | undefined }> => {
  const { log, ranker, from = -Infinity, to = Infinity, onProgress } = options;
  const opened: [RecordTable, TableWriter][] = [];
  for (const table of recordTableNames) opened.push([table, await openTableWriter(connection, table)]);
  const writers = Object.fromEntries(opened) as Record<RecordTable, TableWriter>;
  let lists = 0;
  let damaged = 0;
  const beginnings = createBeginnings(await log.bounds('events'));
  const take = (record: LogRecord): void => {
    const event = decodeEvent(record.value);
    beginnings.saw(event, record);
    switch (event.kind) {
      case 'impression': {
        if ((ranker !== undefined && event.ranker !== ranker) || event.time < from || event.time >= to) return;
        const rows = impressionRows(event, { list: lists, ...record });
        lists++;
        writers.list_records.add(rows.list);
        for (const row of rows.shown) writers.shown_records.add(row);
        for (const row of rows.unshown) writers.unshown_records.add(row);
        return;
      }
      case 'feedback':
        writers.feedback_records.add(feedbackRow(event, record));
        return;
      case 'exposure':
        writers.exposures.add(exposureRow(event));
        return;
      case 'item':
      case 'user':
      case 'marker':
        return;
    }
  };
  await walk({
    log,
    topic: 'events',
    ...(onProgress !== undefined && { onProgress }),
    each: (record) => {
      try {
        take(record);
      } catch (error) {
        if (!(error instanceof WatchnextError && error.code === 'event_invalid')) throw error;
        damaged++;
      }
    },
  });
  for (const writer of Object.values(writers)) writer.close();
  return { damaged, wholeFrom: beginnings.wholeFrom() };
};

/** How far back partitions go of which something was dropped. Lists and markers come in the order of time, others need not. */
const createBeginnings = (bounds: readonly { readonly first: number }[]) => {
  const first = new Map<number, number>();
  return {
    saw: ({ kind, time }: LoggedEvent, { partition }: LogRecord): void => {
      const isDropped = (bounds[partition]?.first ?? 0) > 0;
      if (isDropped && (kind === 'impression' || kind === 'marker') && !first.has(partition))
        first.set(partition, time);
    },
    wholeFrom: (): number | undefined => (first.size === 0 ? undefined : Math.max(...first.values())),
  };
};

type Counted = Omit<LogCounts, 'damaged'> & { readonly first: number | undefined; readonly last: number | undefined };

const countsOf = async ({ connection }: Database): Promise<Counted> => {
  const [row = {}] = await rowsOf(
    connection,
    `SELECT (SELECT count(*)::DOUBLE FROM lists) AS lists,
            (SELECT count(*)::DOUBLE FROM shown) AS shown,
            (SELECT count(*)::DOUBLE FROM unshown) AS unshown,
            (SELECT count(*)::DOUBLE FROM feedback) AS feedback,
            (SELECT count(*)::DOUBLE FROM exposures) AS exposures,
            (SELECT count(*)::DOUBLE FROM list_records) AS all_lists,
            (SELECT sum(copies - 1)::DOUBLE
             FROM (SELECT count(*) AS copies FROM feedback_records GROUP BY request_id, event_id)) AS repeated,
            (SELECT min("time") FROM (SELECT "time" FROM lists UNION ALL SELECT "time" FROM exposures)) AS first,
            (SELECT max("time") FROM (SELECT "time" FROM lists UNION ALL SELECT "time" FROM exposures)) AS last`,
  );
  const count = (name: string): number => Number(row[name] ?? 0);
  const time = (name: string): number | undefined => (typeof row[name] === 'number' ? row[name] : undefined);
  return {
    lists: count('lists'),
    shown: count('shown'),
    unshown: count('unshown'),
    feedback: count('feedback'),
    exposures: count('exposures'),
    duplicateLists: count('all_lists') - count('lists'),
    duplicateFeedback: count('repeated'),
    first: time('first'),
    last: time('last'),
  };
};

async function* streamed(database: Database, sql: string): AsyncGenerator<LogRow> {
  try {
    yield* database.objects(sql);
  } catch (cause) {
    throw refusedQuery(sql, cause);
  }
}

const asked = async <T>(sql: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    throw refusedQuery(sql, cause);
  }
};

const refusedQuery = (sql: string, cause: unknown): WatchnextError =>
  new WatchnextError('data_invalid', 'A query over the log could not be run.', {
    problems: [
      { path: sql.trim().split('\n')[0] ?? '', message: cause instanceof Error ? cause.message : String(cause) },
    ],
    cause,
  });
