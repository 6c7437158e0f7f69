import type { DuckDBConnection } from '@duckdb/node-api';
import { classOf, quoteName, type QueryColumn } from './columns.js';
import { rowsOf } from './database.js';
import type { MaterialisedLog } from './materialise.js';
import type { DatasetSummary } from './types.js';

/** Expressions of `selected` before the labels: time, request, position. */
const beforeLabels = 3;

/** What the table `log` holds, in one pass over it. */
export const summaryOf = async (
  connection: DuckDBConnection,
  { columns, mapping, selected }: Pick<MaterialisedLog, 'columns' | 'mapping' | 'selected'>,
): Promise<DatasetSummary> => {
  const { fields, labels, time, requestId, userId, itemId, position } = mapping;
  const read = fields.filter(({ feature }) => feature !== undefined);
  const facts = [
    'count(*)::DOUBLE AS rows',
    `${requestId === undefined ? 'count(*)' : 'count(DISTINCT request_id) + count_if(request_id IS NULL)'} AS requests`,
    ...labels.flatMap(({ task }, index) => {
      const value = selected[beforeLabels + index] ?? '';
      const [known, mean] = [quoteName(`known ${task}`), quoteName(`mean ${task}`)];
      return [`count_if(NOT isnan(${value})) AS ${known}`, `avg(${value}) FILTER (NOT isnan(${value})) AS ${mean}`];
    }),
    ...read.map(({ column }) => `count_if(${isMissing(column)}) AS ${quoteName(`missing ${column.name}`)}`),
  ];
  const found = (await rowsOf(connection, `SELECT ${facts.join(', ')} FROM log`))[0] ?? {};
  const number = (name: string): number => Number(found[name] ?? Number.NaN);
  const used = new Set(
    [
      time,
      requestId,
      userId,
      itemId,
      position,
      ...labels.map(({ column }) => column),
      ...fields.map(({ column }) => column),
    ].map((column) => column?.name),
  );
  return {
    rows: number('rows'),
    requests: number('requests'),
    labels: new Map(labels.map(({ task }) => [task, { known: number(`known ${task}`), mean: number(`mean ${task}`) }])),
    missing: new Map(read.map(({ column: { name } }) => [name, number(`missing ${name}`)])),
    unread: columns.flatMap(({ name }) => (used.has(name) ? [] : [name])),
  };
};

/** SQL: NULL, or no number where the column has numbers, which is how other tools write what they do not know. */
const isMissing = ({ name, type }: QueryColumn): string =>
  classOf(type) === 'number'
    ? `${quoteName(name)} IS NULL OR isnan(${quoteName(name)}::DOUBLE)`
    : `${quoteName(name)} IS NULL`;
