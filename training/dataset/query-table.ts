import { describeQuery, queryError, resolveFileNames, rowsOf, openDatabase } from './database.js';
import type { QueryColumn } from './columns.js';
import { WatchnextError } from '../../src/errors.js';
import type { DatasetSource } from './types.js';
import type { LogRow } from './logged/index.js';

/** The result of a ranker’s dataset.sql as the table `log`, whatever its columns are. */
export interface QueryTable {
  readonly columns: readonly QueryColumn[];
  /** All rows of a query over `log`. */
  query(sql: string): Promise<readonly LogRow[]>;
  /** The rows of a large result, in bounded memory. */
  rows(sql: string): AsyncGenerator<LogRow>;
  /** Removes the temporary files. */
  close(): Promise<void>;
}

/**
 * Runs dataset.sql over a folder once, into a temporary database, without asking for the columns that training needs: for logs
 * of others. The table has one more column, `"row number"`. Throws `data_missing` or `data_invalid` with what is wrong with the
 * folder or the query.
 */
export const openQueryTable = async (source: Omit<DatasetSource, 'definition'>): Promise<QueryTable> => {
  const database = await openDatabase(source);
  const { connection } = database;
  try {
    const sql = resolveFileNames(source.sql, source.directory).replace(/[;\s]+$/, '');
    const columns = await describeQuery(connection, sql, source.sqlFile);
    await connection.run(`CREATE TABLE log AS SELECT *, row_number() OVER () AS "row number" FROM (\n${sql}\n)`);
    return {
      columns,
      query: (text) => rowsOf(connection, text),
      rows: (text) => database.objects(text),
      close: () => {
        database.close();
        return Promise.resolve();
      },
    };
  } catch (cause) {
    database.close();
    throw cause instanceof WatchnextError ? cause : await queryError(cause, source);
  }
};
