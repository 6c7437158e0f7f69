import { openDatabase, rowsOf } from './database.js';
import { materialise } from './materialise.js';
import { requestsOf } from './requests.js';
import type { Dataset, DatasetSource, TimeRange } from './types.js';
import { summaryOf } from './summary.js';
import { logTime } from './values.js';

const where = ({ from, until }: TimeRange = {}): string => {
  const limits = [
    ...(from === undefined ? [] : [`${logTime} >= '${from}'::DOUBLE`]),
    ...(until === undefined ? [] : [`${logTime} < '${until}'::DOUBLE`]),
  ];
  return limits.length === 0 ? '' : ` WHERE ${limits.join(' AND ')}`;
};

/**
 * Runs a ranker's dataset.sql over a folder of files with DuckDB and opens the result as requests in time order.
 *
 * The query runs once, into a temporary database outside the folder that `close` removes; reading streams from there. Throws
 * `data_missing` (folder, files, columns) or `data_invalid` (the query, types, values), each with every problem found.
 */
export const openDataset = async (source: DatasetSource): Promise<Dataset> => {
  const database = await openDatabase(source);
  try {
    const { columns, mapping, counts, span, selected } = await materialise(database.connection, source);
    const shape = { labels: mapping.labels.length, fields: mapping.fields };
    return {
      columns: columns.map(({ name }) => name),
      warnings: { counts },
      span,
      requests: (range) => requestsOf(database.stream(`SELECT ${selected.join(', ')} FROM log${where(range)}`), shape),
      count: async (range) => {
        const rows = await rowsOf(database.connection, `SELECT count(*)::DOUBLE AS rows FROM log${where(range)}`);
        return Number(rows[0]?.['rows'] ?? 0);
      },
      summary: () => summaryOf(database.connection, { columns, mapping, selected }),
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
