import type { DuckDBConnection } from '@duckdb/node-api';
import { WatchnextError, type Problem } from '../../src/errors.js';
import { checkQuery, queryError, resolveFileNames, rowsOf } from './database.js';
import { classOf, epochMs, quoteName, type QueryColumn } from './columns.js';
import { mapColumns, type Field, type Mapping } from './fields.js';
import type { DatasetSource, DatasetWarning } from './types.js';

/** Rows a request may have: more is a wrong request_id, and a batch holds whole requests. */
export const maximumRowsPerRequest = 10_000;

export interface MaterialisedLog {
  readonly columns: readonly QueryColumn[];
  readonly mapping: Mapping;
  readonly counts: ReadonlyMap<DatasetWarning, number>;
  readonly span: { readonly first: number; readonly last: number };
}

const count = (value: unknown): number => Number(value ?? 0);
const some = (n: number, what: string): string => (n === 1 ? `1 ${what}` : `${n} ${what}s`);

/**
 * Runs the user's query once and leaves the table `log` in the database: exact duplicates gone, checked, values in the few
 * types that requests are read from, in an order that depends on the rows' contents alone (so not on threads or files):
 * first time of the request, request, position, item, hash of everything.
 */
export const materialise = async (connection: DuckDBConnection, source: DatasetSource): Promise<MaterialisedLog> => {
  const { sqlFile } = source;
  const sql = resolveFileNames(source.sql, source.directory).replace(/[;\s]+$/, '');
  try {
    await checkQuery(connection, sql, sqlFile);
    await connection.run(`CREATE TABLE source AS SELECT *, count(*) AS "rows like it" FROM (\n${sql}\n) GROUP BY ALL`);
  } catch (cause) {
    throw cause instanceof WatchnextError ? cause : await queryError(cause, source);
  }
  const columns = (await rowsOf(connection, 'DESCRIBE source'))
    .map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }))
    .filter(({ name }) => name !== 'rows like it');
  const mapping = mapColumns(source.definition, columns, sqlFile);
  const facts = (await rowsOf(connection, `SELECT ${factsOf(mapping).join(', ')} FROM source`))[0] ?? {};
  refuseValues(mapping, facts, sqlFile);
  await connection.run(createLog(mapping, columns, (field) => facts[`unsafe ${field.column.name}`] === true));
  await connection.run('DROP TABLE source');
  const conflicts = await checkRequests(connection, mapping, sqlFile);

  const counts = new Map<DatasetWarning, number>();
  const warn = (code: DatasetWarning, n: number): void => {
    if (n > 0) counts.set(code, n);
  };
  warn('duplicate_rows', count(facts['copies']) - count(facts['rows']));
  warn('rows_without_time', count(facts['untimed']));
  warn('conflicting_request_fields', conflicts);
  return { columns, mapping, counts, span: { first: count(facts['first']), last: count(facts['last']) } };
};

/** One pass over the rows finds everything that can be wrong with their values. */
const factsOf = ({ fields, labels, time, position }: Mapping): string[] => [
  'count(*) AS rows',
  'sum("rows like it") AS copies',
  `count(*) - count(${quoteName(time.name)}) AS untimed`,
  `min(${epochMs(time)}) AS first`,
  `max(${epochMs(time)}) AS last`,
  ...(position === undefined ? [] : [`count_if(position < 1 OR position <> round(position)) AS "bad position"`]),
  ...labels.flatMap(({ task, column, kind, log1p }) => {
    const value = `${quoteName(column.name)}::DOUBLE`;
    const bad =
      kind === 'binary' ? `${value} NOT IN (0, 1)` : log1p ? `${value} < 0 OR isinf(${value})` : `isinf(${value})`;
    return [
      `count_if(${bad}) AS ${quoteName(`bad ${task}`)}`,
      `any_value(${value}) FILTER (${bad}) AS ${quoteName(`example ${task}`)}`,
      `count(${value}) AS ${quoteName(`known ${task}`)}`,
    ];
  }),
  ...fields.flatMap(({ column, need, width }) => {
    const name = quoteName(column.name);
    const kind = classOf(column.type);
    if (need === 'vector') return [`count_if(len(${name}) <> ${width ?? 0}) AS ${quoteName(`width ${column.name}`)}`];
    const largest =
      kind === 'integer64' && need !== 'number'
        ? `abs(${name}::HUGEINT)`
        : kind === 'integers64'
          ? `list_max(list_transform(${name}, lambda x: abs(x::HUGEINT)))`
          : undefined;
    return largest === undefined
      ? []
      : [`coalesce(max(${largest}), 0) > ${Number.MAX_SAFE_INTEGER} AS ${quoteName(`unsafe ${column.name}`)}`];
  }),
];

const refuseValues = (mapping: Mapping, facts: Readonly<Record<string, unknown>>, sqlFile: string): void => {
  const rows = count(facts['rows']);
  if (rows === 0) {
    throw new WatchnextError('data_invalid', `${sqlFile} gives no rows`, {
      problems: [
        {
          path: sqlFile,
          message: 'no rows',
          hint: 'check its WHERE and JOIN conditions, and that the files are not empty',
        },
      ],
    });
  }
  const problems: Problem[] = [];
  const refuse = (column: string, message: string, hint: string): void =>
    void problems.push({ path: `${sqlFile}: ${column}`, message, hint });
  if (count(facts['untimed']) === rows) refuse('time', 'is NULL in every row', 'check the expression that makes it');
  else refuseTimes(count(facts['first']), count(facts['last']), refuse);
  const positions = count(facts['bad position']);
  if (positions > 0)
    refuse('position', `${some(positions, 'value')} below 1 or not whole`, 'the first place is 1; NULL where unknown');
  for (const { task, column, kind, log1p } of mapping.labels) {
    const bad = count(facts[`bad ${task}`]);
    const example = String(facts[`example ${task}`]);
    if (bad > 0 && kind === 'binary') {
      refuse(
        column.name,
        `${some(bad, 'row')} with neither 0 nor 1, e.g. ${example}; the task ${task} is binary`,
        'write a comparison such as (rating >= 4), or make the task kind: regression',
      );
    } else if (bad > 0) {
      refuse(
        column.name,
        `${some(bad, 'row')} with ${log1p ? 'negative or infinite' : 'infinite'} values, e.g. ${example}; the task ${task} ${log1p ? 'has transform: log1p' : 'is a regression'}`,
        `write CASE WHEN ${column.name} >= 0 THEN ${column.name} END, which leaves the others unknown`,
      );
    }
    if (count(facts[`known ${task}`]) === 0)
      refuse(
        column.name,
        `is NULL in every row, so the task ${task} cannot be learned`,
        'check the expression that makes it',
      );
  }
  for (const { column, width } of mapping.fields) {
    const wrong = count(facts[`width ${column.name}`]);
    if (wrong > 0)
      refuse(
        column.name,
        `${some(wrong, 'row')} with a list that has not ${width ?? 0} numbers`,
        'the definition’s width and the data must agree',
      );
  }
  if (problems.length > 0)
    throw new WatchnextError('data_invalid', `${sqlFile} gives values that cannot be used`, { problems });
};

const refuseTimes = (
  first: number,
  last: number,
  refuse: (column: string, message: string, hint: string) => void,
): void => {
  const day = (ms: number): string => (Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString().slice(0, 10) : String(ms));
  const span = `read as milliseconds it runs from ${day(first)} to ${day(last)}`;
  if (last < 1e11 && last > 1e8)
    refuse('time', `${span}, which looks like seconds`, 'write time * 1000 AS time, or to_timestamp(time) AS time');
  else if (last > 1e14)
    refuse(
      'time',
      `${span}, which looks like micro- or nanoseconds`,
      'write make_timestamp(time) AS time for microseconds',
    );
};

/** The canonical value of a field: DOUBLE (NaN = missing), BOOLEAN, VARCHAR, FLOAT[], DOUBLE[] or VARCHAR[]. */
const fieldExpression = ({ column, need }: Field, unsafe: boolean): string => {
  const name = quoteName(column.name);
  const kind = classOf(column.type);
  const number = (value: string): string => `coalesce(${value}::DOUBLE, 'NaN'::DOUBLE)`;
  if (need === 'vector') return `${name}::FLOAT[]`;
  if (need === 'number') return number(name);
  if (need === 'time' || kind === 'time') return number(epochMs(column));
  if (kind === 'numbers' || (kind === 'integers64' && !unsafe)) return `${name}::DOUBLE[]`;
  if (kind === 'texts' || kind === 'integers64') return `${name}::VARCHAR[]`;
  if (kind === 'number' || (kind === 'integer64' && !unsafe))
    return need === 'ids' ? `[${name}::DOUBLE]` : number(name);
  if (kind === 'integer64') return `${name}::VARCHAR`;
  return kind === 'boolean' ? name : `${name}::VARCHAR`;
};

export const logColumn = {
  time: 'time',
  request: 'request',
  user: 'user',
  position: 'position',
  label: (index: number): string => `label ${index}`,
  field: (index: number): string => `field ${index}`,
} as const;

const createLog = (
  { fields, labels, time, requestId, userId, itemId, position }: Mapping,
  columns: readonly QueryColumn[],
  unsafe: (field: Field) => boolean,
): string => {
  const own = epochMs(time);
  const request = requestId === undefined ? 'NULL::VARCHAR' : `${quoteName(requestId.name)}::VARCHAR`;
  const first =
    requestId === undefined
      ? own
      : `CASE WHEN request_id IS NULL THEN ${own} ELSE min(${own}) OVER (PARTITION BY request_id) END`;
  // A label counts only where the task it waits for is positive, and that one may wait in turn.
  const label = (index: number): string => {
    const { column, when } = labels[index] ?? { column: time, when: undefined };
    const value = `${quoteName(column.name)}::FLOAT`;
    return when === undefined ? value : `CASE WHEN (${label(when)}) = 1 THEN ${value} END`;
  };
  const selected = [
    `${first} AS ${quoteName(logColumn.time)}`,
    `${request} AS ${quoteName(logColumn.request)}`,
    `${userId === undefined ? 'NULL' : quoteName(userId.name)}::VARCHAR AS ${quoteName(logColumn.user)}`,
    `coalesce(${position === undefined ? 'NULL' : quoteName(position.name)}::INTEGER, 0) AS ${quoteName(logColumn.position)}`,
    ...labels.map((_, index) => `coalesce(${label(index)}, 'NaN'::FLOAT) AS ${quoteName(logColumn.label(index))}`),
    ...fields.map((field, index) => `${fieldExpression(field, unsafe(field))} AS ${quoteName(logColumn.field(index))}`),
  ];
  const order = [
    first,
    requestId === undefined ? userId && quoteName(userId.name) : 'request_id',
    position && `${quoteName(position.name)} NULLS LAST`,
    itemId && quoteName(itemId.name),
    `hash(${columns.map(({ name }) => quoteName(name)).join(', ')})`,
  ].filter((key) => key !== undefined);
  return `CREATE TABLE log AS SELECT ${selected.join(',\n')} FROM source WHERE ${quoteName(time.name)} IS NOT NULL ORDER BY ${order.join(', ')}`;
};

/** Refuses request ids that cannot be right; returns how many (request, field) pairs disagree within a request. */
const checkRequests = async (
  connection: DuckDBConnection,
  { fields, requestId }: Mapping,
  sqlFile: string,
): Promise<number> => {
  if (requestId === undefined) return 0;
  const shared = fields.flatMap(({ scopes, column }, index) =>
    scopes.has('candidate') || column.name === 'user_id' ? [] : [quoteName(logColumn.field(index))],
  );
  const facts =
    (
      await rowsOf(
        connection,
        `SELECT max(size)::INTEGER AS size, arg_max(request, size) AS longest,
          count_if(users > 1)::INTEGER AS several, any_value(request) FILTER (users > 1) AS example,
          sum(conflicts)::INTEGER AS conflicts
        FROM (SELECT request, count(*) AS size, count(DISTINCT "user") AS users,
          ${['0', ...shared.map((name) => `(min(${name}) <> max(${name}))::INTEGER`).map((x) => `coalesce(${x}, 0)`)].join(' + ')} AS conflicts
          FROM log WHERE request IS NOT NULL GROUP BY request)`,
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
