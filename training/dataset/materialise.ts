import type { DuckDBConnection } from '@duckdb/node-api';
import { WatchnextError, type Problem } from '../../src/errors.js';
import { doubtsOf } from './doubts.js';
import { describeQuery, queryError, resolveFileNames, rowsOf } from './database.js';
import { classOf, epochMs, quoteName, type QueryColumn } from './columns.js';
import { mapColumns, type Field, type Label, type Mapping } from './fields.js';
import { count, factsOf, logTime, noRows, refuseValues, some } from './values.js';
import type { DatasetSource, DatasetWarning } from './types.js';

/** Rows a request may have: more is a wrong request_id, and a batch holds whole requests. */
const maximumRowsPerRequest = 10_000;

export interface MaterialisedLog {
  readonly columns: readonly QueryColumn[];
  readonly mapping: Mapping;
  readonly counts: ReadonlyMap<DatasetWarning, number>;
  readonly span: { readonly first: number; readonly last: number };
  /** SQL expressions over `log`: time, request, position, then labels, then fields. */
  readonly selected: readonly string[];
}

/** A column of the table `log` that the query does not give; a space keeps it apart from any field. */
const logHash = quoteName('log hash');

/**
 * Runs the user's query once, into the table `log` of the database: exact duplicates and rows without time gone, values
 * checked, in an order that depends on the rows' contents alone (so not on threads or files): first time of the request,
 * request, position, item, hash of everything. Columns are as the query gives them; `readExpressions` says how to read them.
 */
export const materialise = async (connection: DuckDBConnection, source: DatasetSource): Promise<MaterialisedLog> => {
  const { sqlFile } = source;
  const sql = resolveFileNames(source.sql, source.directory).replace(/[;\s]+$/, '');
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof WatchnextError ? cause : await queryError(cause, source);
    }
  };
  const columns = await run(() => describeQuery(connection, sql, sqlFile));
  const mapping = await mapRows(connection, { sql, columns, source });
  await run(() => connection.run(createLog(mapping, sql)));

  const counts = new Map<DatasetWarning, number>();
  const drop = async (code: DatasetWarning, condition: string): Promise<void> => {
    const { rowsChanged } = await connection.run(`DELETE FROM log WHERE ${condition}`);
    if (rowsChanged > 0) counts.set(code, rowsChanged);
  };
  const read = Number((await rowsOf(connection, 'SELECT count(*)::DOUBLE AS rows FROM log'))[0]?.['rows'] ?? 0);
  await drop('rows_without_time', `${logTime} IS NULL`);
  await drop(
    'duplicate_rows',
    `rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER (PARTITION BY ${logTime}, ${mapping.requestId === undefined ? '' : 'request_id, '}${logHash}) AS copy FROM log) WHERE copy > 1)`,
  );
  const doubts = doubtsOf(source.definition, mapping);
  const asked = [
    ...factsOf(mapping),
    ...doubts.map(({ code, condition }) => `count_if(${condition}) AS ${quoteName(code)}`),
  ];
  const facts = (await rowsOf(connection, `SELECT ${asked.join(', ')} FROM log`))[0] ?? {};
  refuseValues(mapping, { ...facts, read }, sqlFile);
  for (const { column, feature } of mapping.fields) {
    const empty = feature !== undefined && count(facts[`values ${column.name}`]) === 0;
    if (empty) counts.set(`null_in_every_row ${column.name}`, count(facts['rows']));
  }
  for (const { task, column } of mapping.labels) {
    const known = count(facts[`known ${task}`]);
    const same = known > 1 && facts[`one ${task}`] === true;
    if (same) counts.set(`same_label_in_every_row ${column.name}`, known);
  }
  for (const { code, column, share } of doubts) {
    const [rows, values] = [count(facts[code]), count(facts[`values ${column.name}`])];
    if (rows > 0 && rows >= share * values) counts.set(code, rows);
  }
  const conflicts = await checkRequests(connection, mapping, sqlFile);
  if (conflicts > 0) counts.set('conflicting_request_fields', conflicts);
  return {
    columns,
    mapping,
    counts,
    span: { first: count(facts['first']), last: count(facts['last']) },
    selected: readExpressions(mapping, (field) => facts[`unsafe ${field.column.name}`] === true),
  };
};

/** Without rows a file’s types, and often its columns, are guesses: that there are none is said first. */
const mapRows = async (
  connection: DuckDBConnection,
  { sql, columns, source }: { sql: string; columns: readonly QueryColumn[]; source: DatasetSource },
): Promise<Mapping> => {
  try {
    return mapColumns(source.definition, columns, source.sqlFile);
  } catch (error) {
    const rows = await rowsOf(connection, `SELECT 1 FROM (\n${sql}\n) LIMIT 1`).catch(() => undefined);
    throw rows?.length === 0 ? noRows(source.sqlFile) : error;
  }
};

/** How a field is read: as DOUBLE (NaN = missing), BOOLEAN, VARCHAR, or FLOAT[] and DOUBLE[] ([NaN] = missing), VARCHAR[]. */
const fieldExpression = ({ column, need }: Field, unsafe: boolean): string => {
  const name = quoteName(column.name);
  const kind = classOf(column.type);
  const number = (value: string): string => `coalesce(${value}::DOUBLE, 'NaN'::DOUBLE)`;
  if (need === 'vector') return `coalesce(${name}::FLOAT[], ['NaN'::FLOAT])`;
  if (need === 'number') return number(name);
  if (need === 'time' || kind === 'time') return number(epochMs(column));
  if (kind === 'numbers' || (kind === 'integers64' && !unsafe))
    return `coalesce(list_filter(${name}, lambda x: x IS NOT NULL)::DOUBLE[], ['NaN'::DOUBLE])`;
  if (kind === 'texts' || kind === 'integers64') return `${name}::VARCHAR[]`;
  if (kind === 'number' || (kind === 'integer64' && !unsafe))
    return need === 'ids' ? `[${number(name)}]` : number(name);
  if (kind === 'integer64') return `${name}::VARCHAR`;
  return kind === 'boolean' ? name : `${name}::VARCHAR`;
};

const createLog = (mapping: Mapping, sql: string): string => {
  const { fields, labels, time, requestId, userId, itemId, position } = mapping;
  const own = epochMs(time);
  const first =
    requestId === undefined
      ? own
      : `CASE WHEN request_id IS NULL OR ${own} IS NULL THEN ${own} ELSE min(${own}) OVER (PARTITION BY request_id) END`;
  const kept = [
    requestId,
    userId,
    position,
    ...labels.map(({ column }) => column),
    ...fields.map(({ column }) => column),
  ];
  const names = new Set(kept.flatMap((column) => (column === undefined ? [] : [quoteName(column.name)])));
  const order = [logTime, requestId ?? userId, position, itemId].flatMap((key) =>
    key === undefined ? [] : [typeof key === 'string' ? key : `${quoteName(key.name)} NULLS LAST`],
  );
  return `CREATE TABLE log AS
    SELECT ${[...names, `${first} AS ${logTime}`, `hash(q) AS ${logHash}`].join(', ')}
    FROM (
${sql}
) AS q ORDER BY ${[...order, logHash].join(', ')}`;
};

const readExpressions = (
  { fields, labels, requestId, position }: Mapping,
  unsafe: (field: Field) => boolean,
): string[] => {
  // A label counts only where the task it waits for is positive, and that one may wait in turn.
  const label = ({ column, when }: Label): string => {
    const value = `${quoteName(column.name)}::FLOAT`;
    const awaited = when === undefined ? undefined : labels[when];
    return awaited === undefined ? value : `CASE WHEN (${label(awaited)}) = 1 THEN ${value} END`;
  };
  return [
    logTime,
    requestId === undefined ? 'NULL::VARCHAR' : `${quoteName(requestId.name)}::VARCHAR`,
    position === undefined ? '0::INTEGER' : 'coalesce(position::INTEGER, 0)',
    ...labels.map((one) => `coalesce(${label(one)}, 'NaN'::FLOAT)`),
    ...fields.map((field) => fieldExpression(field, unsafe(field))),
  ];
};

/** Refuses request ids that cannot be right; returns how many requests disagree on a user or context field. */
const checkRequests = async (
  connection: DuckDBConnection,
  { fields, requestId, userId }: Mapping,
  sqlFile: string,
): Promise<number> => {
  if (requestId === undefined) return 0;
  const shared = fields.flatMap(({ scopes, column }) =>
    scopes.has('candidate') || column.name === 'user_id' ? [] : [quoteName(column.name)],
  );
  const alike = shared.length === 0 ? '0' : `hash(${shared.join(', ')})`;
  const users = userId === undefined ? '0' : `count(DISTINCT user_id)`;
  const facts =
    (
      await rowsOf(
        connection,
        `SELECT max(size)::INTEGER AS size, arg_max(request, size) AS longest,
          count_if(users > 1)::INTEGER AS several, any_value(request) FILTER (users > 1) AS example,
          sum(conflicts)::DOUBLE AS conflicts
        FROM (
          SELECT request_id::VARCHAR AS request, count(*) AS size, ${users} AS users, (min(${alike}) <> max(${alike}))::INTEGER AS conflicts
          FROM log WHERE request_id IS NOT NULL GROUP BY request_id
        )`,
      )
    )[0] ?? {};
  const problems: Problem[] = [];
  if (count(facts['size']) > maximumRowsPerRequest) {
    problems.push({
      path: `${sqlFile}: request_id`,
      message: `${String(facts['longest'])} has ${count(facts['size'])} rows; a request has at most ${maximumRowsPerRequest}`,
      hint: 'request_id names one served list: make it finer, or leave it out',
    });
  }
  if (count(facts['several']) > 0) {
    problems.push({
      path: `${sqlFile}: request_id`,
      message: `${some(count(facts['several']), 'request')} with rows of several users, e.g. ${String(facts['example'])}`,
      hint: "make it unique, e.g. concat_ws('/', user_id, request_id) AS request_id",
    });
  }
  if (problems.length > 0)
    throw new WatchnextError('data_invalid', `${sqlFile} gives request ids that cannot be right`, { problems });
  return count(facts['conflicts']);
};
