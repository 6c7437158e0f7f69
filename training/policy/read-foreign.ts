import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError, type Problem } from '../../src/errors.js';
import { sqlName, type LogRow, type QueryTable } from '../dataset/index.js';
import type { ForeignColumns } from './foreign-columns.js';
import { collectLists } from './lists.js';
import type { LoggedLists } from './types.js';

export interface ReadForeignOptions {
  readonly table: QueryTable;
  readonly columns: ForeignColumns;
  readonly definition: RankerDefinition;
  readonly sqlFile: string;
  /** One list per place, for a target that is given as chances by place. */
  readonly byPlace: boolean;
}

/**
 * Reads a log of others: one row per candidate, of which those with a `propensity` were shown. Columns: `propensity` (the
 * chance of the item to be in its place), the labels of the definition’s tasks and, where they are there, `position` (from 1),
 * `request_id`, `user_id`, `predicted_<task>` and `target_propensity`. Throws `data_invalid` with all that is wrong with values.
 */
export const readForeignLists = async (options: ReadForeignOptions): Promise<LoggedLists> => {
  const { table, columns, definition } = options;
  await refuseValues(options);
  const heads = columns.predicted.length > 0 ? columns.predicted : [noHead];
  const collector = collectLists({
    tasks: heads,
    metrics: columns.labels.map(({ task }, total) => ({
      name: task,
      direction: (definition.score.weights[task] ?? 0) < 0 ? 'down' : 'up',
      total,
    })),
  });
  for await (const row of table.rows(listRows(options))) {
    const numbers = (name: string): readonly (number | null)[] => row[name] as readonly (number | null)[];
    const propensity = numbers('propensity');
    const shown = propensity.flatMap((value, at) => (value === null ? [] : [at]));
    const taken = (name: string): Float64Array => Float64Array.from(shown, (at) => numbers(name)[at] ?? 0);
    collector.add({
      user: userOf(row),
      heads: Float32Array.from(propensity.flatMap((_, at) => heads.map((_task, head) => numbers(`h${head}`)[at] ?? 0))),
      shown: Int32Array.from(shown),
      positions: Int32Array.from(shown, (at) => numbers('position')[at] ?? 1),
      placeChances: taken('propensity'),
      ...(columns.target && { targetChances: Float64Array.from(numbers('target'), (value) => value ?? 0) }),
      rewards: columns.labels.map((_, at) => taken(`r${at}`)),
    });
  }
  return collector.finish();
};

/** Stands where no head is predicted: outcomes are then modelled by place alone. */
const noHead = 'none';

const userOf = (row: LogRow): string | undefined => (row['user'] as string | null) ?? undefined;

/** SQL of the parts of a row, by what is there. */
const expressions = ({ columns }: ReadForeignOptions): { key: string; position: string; place: string } => {
  const position = columns.position ? 'coalesce(position, 1)::INTEGER' : '1';
  return {
    key: columns.request ? 'coalesce(request_id::VARCHAR, \'row \' || "row number")' : '"row number"::VARCHAR',
    position,
    // Those that were shown come in the order of their places.
    place: `propensity IS NULL, ${position}, "row number"`,
  };
};

const listRows = (options: ReadForeignOptions): string => {
  const { columns, byPlace } = options;
  const { key, position, place } = expressions(options);
  const list = (expression: string, name: string): string => `list(${expression} ORDER BY ${place}) AS ${name}`;
  const heads = columns.predicted.length > 0 ? columns.predicted.map((task) => sqlName(`predicted_${task}`)) : ['0'];
  return `
    SELECT ${[
      columns.user ? 'any_value(user_id)::VARCHAR AS user' : 'NULL AS user',
      list('propensity::DOUBLE', 'propensity'),
      list(position, 'position'),
      ...(columns.target ? [list('target_propensity::DOUBLE', 'target')] : []),
      ...heads.map((name, at) => list(`${name}::DOUBLE`, `h${at}`)),
      ...columns.labels.map(({ column }, at) => list(`${sqlName(column)}::DOUBLE`, `r${at}`)),
    ].join(', ')}
    FROM log GROUP BY ${key}${byPlace ? `, ${position}` : ''}
    HAVING count(propensity) > 0 ORDER BY min("row number")`;
};

/** All that can be wrong with values, in one pass. */
const refuseValues = async (options: ReadForeignOptions): Promise<void> => {
  const { table, columns, sqlFile, byPlace } = options;
  const { key, position } = expressions(options);
  const shown = 'propensity IS NOT NULL';
  const checks: (readonly [column: string, condition: string, message: string, hint: string])[] = [
    [
      'propensity',
      `${shown} AND NOT (propensity::DOUBLE > 0 AND propensity::DOUBLE <= 1)`,
      'not in (0, 1]',
      'the chance with which the log’s policy put the item there',
    ],
    ...(columns.position
      ? [
          [
            'position',
            'position < 1 OR position <> round(position)',
            'below 1 or not whole',
            'the first place is 1',
          ] as const,
        ]
      : []),
    ...columns.labels.map(
      ({ column }) =>
        [
          column,
          `${shown} AND ${sqlName(column)} IS NULL`,
          'unknown',
          `write coalesce(${column}, 0) AS ${column}`,
        ] as const,
    ),
    ...columns.predicted.map(
      (task) =>
        [
          `predicted_${task}`,
          `NOT coalesce(isfinite(${sqlName(`predicted_${task}`)}::DOUBLE), false)`,
          'not a number',
          'every candidate needs a prediction',
        ] as const,
    ),
    ...(columns.target
      ? [
          [
            'target_propensity',
            'NOT coalesce(target_propensity::DOUBLE BETWEEN 0 AND 1, false)',
            'not in [0, 1]',
            'the chance with which the target would put the item there',
          ] as const,
        ]
      : []),
  ];
  const [counts = {}] = await table.query(
    `SELECT count(*)::DOUBLE AS rows, count_if(${shown})::DOUBLE AS shown${checks.map(([, condition], at) => `, count_if(${condition})::DOUBLE AS c${at}`).join('')} FROM log`,
  );
  const problems: Problem[] = checks.flatMap(([column, , message, hint], at) =>
    Number(counts[`c${at}`]) > 0
      ? [{ path: `${sqlFile}: ${column}`, message: `${Number(counts[`c${at}`])} rows are ${message}`, hint }]
      : [],
  );
  if (Number(counts['shown']) === 0)
    problems.push({
      path: `${sqlFile}: propensity`,
      message: Number(counts['rows']) === 0 ? 'the query gives no rows' : 'is NULL in every row: nothing was shown',
      hint: 'check the conditions of the query',
    });
  const [twice = {}] = byPlace
    ? [{}]
    : await table.query(
        `SELECT count(*)::DOUBLE AS places FROM (SELECT 1 FROM log WHERE ${shown} GROUP BY ${key}, ${position} HAVING count(*) > 1)`,
      );
  if (Number(twice['places'] ?? 0) > 0)
    problems.push({
      path: `${sqlFile}: request_id`,
      message: `${Number(twice['places'])} places of one request have several shown items`,
      hint: 'request_id names one served list, position one place of it',
    });
  if (problems.length > 0)
    throw new WatchnextError('data_invalid', `${sqlFile} gives values that cannot be used`, { problems });
};
