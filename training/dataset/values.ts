import { WatchnextError, type Problem } from '../../src/errors.js';
import { classOf, quoteName } from './columns.js';
import type { Field, Mapping } from './fields.js';

export const count = (value: unknown): number => Number(value ?? 0);
export const some = (n: number, what: string): string => (n === 1 ? `1 ${what}` : `${n} ${what}s`);

/** The time of a row's request, a column of the table `log`; a space keeps it apart from any field. */
export const logTime = quoteName('log time');

export const noRows = (sqlFile: string): WatchnextError =>
  new WatchnextError('data_invalid', `${sqlFile} gives no rows`, {
    problems: [
      {
        path: sqlFile,
        message: 'no rows',
        hint: 'check its WHERE and JOIN conditions, and that the files are not empty',
      },
    ],
  });

/** A time that is given as a number, so that its unit can be wrong. */
const isNumericTime = ({ column, need }: Field): boolean => need === 'time' && classOf(column.type) !== 'time';

/** One pass over the rows finds everything that can be wrong with their values. */
export const factsOf = ({ fields, labels, position }: Mapping): string[] => [
  'count(*) AS rows',
  `min(${logTime}) AS first`,
  `max(${logTime}) AS last`,
  ...(position === undefined ? [] : [`count_if(position < 1 OR position <> round(position)) AS "bad position"`]),
  ...labels.flatMap(({ task, column, kind, log1p }) => {
    const value = `${quoteName(column.name)}::DOUBLE`;
    const bad =
      kind === 'binary' ? `${value} NOT IN (0, 1)` : log1p ? `${value} < 0 OR isinf(${value})` : `isinf(${value})`;
    return [
      `count_if(${bad}) AS ${quoteName(`bad ${task}`)}`,
      `any_value(${value}) FILTER (${bad}) AS ${quoteName(`example ${task}`)}`,
      `count(${value}) AS ${quoteName(`known ${task}`)}`,
      `min(${value}) = max(${value}) AS ${quoteName(`one ${task}`)}`,
    ];
  }),
  ...fields.map(({ column }) => `count(${quoteName(column.name)}) AS ${quoteName(`values ${column.name}`)}`),
  ...fields.filter(isNumericTime).flatMap(({ column }) => {
    const value = `${quoteName(column.name)}::DOUBLE`;
    return [
      `min(${value}) AS ${quoteName(`first ${column.name}`)}`,
      `max(${value}) AS ${quoteName(`last ${column.name}`)}`,
    ];
  }),
  ...fields.flatMap(({ column, need, width }) => {
    const name = quoteName(column.name);
    const kind = classOf(column.type);
    if (need === 'vector')
      return [`count_if(list_count(${name}::FLOAT[]) <> ${width ?? 0}) AS ${quoteName(`width ${column.name}`)}`];
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

/** Refuses values that cannot be right, all at once, by what {@link factsOf} found. */
export const refuseValues = (mapping: Mapping, facts: Readonly<Record<string, unknown>>, sqlFile: string): void => {
  const problems: Problem[] = [];
  const refuse = (column: string, message: string, hint: string): void =>
    void problems.push({ path: `${sqlFile}: ${column}`, message, hint });
  const fail = (message: string): never => {
    throw new WatchnextError('data_invalid', message, { problems });
  };
  if (count(facts['read']) === 0) throw noRows(sqlFile);
  if (count(facts['rows']) === 0) {
    refuse('time', 'is NULL in every row', 'check the expression that makes it');
    fail(`${sqlFile} gives no time`);
  }
  refuseTimes('time', [facts['first'], facts['last']].map(count), refuse);
  for (const { column } of mapping.fields.filter(isNumericTime)) {
    const span = [facts[`first ${column.name}`], facts[`last ${column.name}`]].map(count);
    refuseTimes(column.name, span, refuse);
  }
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
        `${some(wrong, 'row')} with a list that is not ${width ?? 0} numbers`,
        'the definition’s width and the data must agree',
      );
  }
  if (problems.length > 0) fail(`${sqlFile} gives values that cannot be used`);
};

const refuseTimes = (
  column: string,
  [first = 0, last = 0]: readonly number[],
  refuse: (column: string, message: string, hint: string) => void,
): void => {
  const day = (ms: number): string => (Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString().slice(0, 10) : String(ms));
  const span = `read as milliseconds it runs from ${day(first)} to ${day(last)}`;
  if (last < 1e11 && last > 1e8)
    refuse(
      column,
      `${span}, which looks like seconds`,
      `write ${column} * 1000 AS ${column}, or to_timestamp(${column}) AS ${column}`,
    );
  else if (last > 1e14)
    refuse(
      column,
      `${span}, which looks like micro- or nanoseconds`,
      `write make_timestamp(${column}) AS ${column} for microseconds`,
    );
};
