import type { FeatureDefinition, FeatureScope, RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError, type Problem } from '../../src/errors.js';
import { nearestName } from '../../src/nearest.js';
import { classOf, type ColumnClass, type QueryColumn } from './columns.js';

/** What a feature needs its field to be. */
type Need = 'any' | 'number' | 'time' | 'ids' | 'vector';

/** A column that features read, and whose it is. */
export interface Field {
  readonly column: QueryColumn;
  readonly need: Need;
  /** For vectors. */
  readonly width?: number;
  readonly scopes: ReadonlySet<FeatureScope>;
  /** A feature that reads it; undefined for an id that none reads. */
  readonly feature: string | undefined;
}

export interface Label {
  readonly task: string;
  readonly column: QueryColumn;
  readonly kind: 'binary' | 'regression';
  readonly log1p: boolean;
  /** Index of the task that masks this one. */
  readonly when: number | undefined;
}

/** How a query's columns become requests: the definition laid over what the query gives. */
export interface Mapping {
  readonly fields: readonly Field[];
  readonly labels: readonly Label[];
  readonly time: QueryColumn;
  readonly requestId: QueryColumn | undefined;
  readonly userId: QueryColumn | undefined;
  readonly itemId: QueryColumn | undefined;
  readonly position: QueryColumn | undefined;
}

interface Reading {
  readonly field: string;
  readonly need: Need;
  readonly width?: number;
  /** Undefined for a part of a key: then whoever reads the field directly says whose it is. */
  readonly scope: FeatureScope | undefined;
  readonly feature: string;
  readonly fallback: FeatureScope;
}

const readingsOf = (feature: string, definition: FeatureDefinition): Reading[] => {
  const direct = (field: string, need: Need, scope: FeatureScope = definition.scope): Reading => ({
    field,
    need,
    scope,
    feature,
    fallback: scope,
  });
  const keyed = (key: string | readonly string[]): Reading[] =>
    (typeof key === 'string' ? [key] : key).map((field) => ({
      field,
      need: 'any',
      scope: undefined,
      feature,
      fallback: definition.scope,
    }));
  switch (definition.kind) {
    case 'id':
    case 'category':
      return [direct(definition.from ?? feature, 'any')];
    case 'number':
      return [direct(definition.from ?? feature, 'number')];
    case 'ids':
      return [direct(definition.from ?? feature, 'ids')];
    case 'vector':
      return [{ ...direct(definition.from ?? feature, 'vector'), width: definition.width }];
    case 'time':
      return definition.from === undefined ? [] : [direct(definition.from, 'time')];
    case 'history':
      return [...keyed(definition.key ?? 'user_id'), direct(definition.of, 'any', 'candidate')];
    case 'rate':
    case 'count':
      return keyed(definition.key);
  }
};

/** Where a part of a key is looked for: the feature's own scope, then what surrounds it. */
const visible: Readonly<Record<FeatureScope, readonly FeatureScope[]>> = {
  candidate: ['candidate', 'context', 'user'],
  context: ['context', 'user'],
  user: ['user', 'context'],
};

/** Fields whose place is fixed, whatever reads them. */
const reservedScope: Readonly<Record<string, FeatureScope>> = { user_id: 'user', item_id: 'candidate' };

const accepted: Readonly<Record<Need, readonly ColumnClass[]>> = {
  any: ['number', 'integer64', 'boolean', 'text', 'time'],
  number: ['number', 'integer64', 'boolean'],
  time: ['time', 'number', 'integer64'],
  ids: ['numbers', 'integers64', 'texts', 'text', 'number', 'integer64'],
  vector: ['numbers', 'integers64'],
};
const wanted: Readonly<Record<Need, string>> = {
  any: 'one number, text or boolean',
  number: 'a number',
  time: 'a TIMESTAMP, a DATE or milliseconds',
  ids: 'a list of ids, or one text with spaces or commas',
  vector: 'a list of numbers',
};
/** What to write instead, for a column of a wrong type. */
const cast: Readonly<Record<Need, (name: string, type: string) => string>> = {
  any: (name) => `for a list of ids use kind: ids; otherwise pick one value of ${name} in the query`,
  number: (name, type) =>
    classOf(type) === 'time'
      ? `write epoch_ms(${name}) AS ${name}, or use kind: time, unit: age for the days since then`
      : `write TRY_CAST(${name} AS DOUBLE) AS ${name}; for words use kind: category`,
  time: (name) =>
    `write TRY_CAST(${name} AS TIMESTAMP) AS ${name} for texts such as 2026-05-01 18:30:00, otherwise strptime(${name}, '%d/%m/%Y %H:%M') AS ${name} with its own pattern`,
  ids: (name) => `write ${name} as a list, e.g. string_split(${name}, '|') AS ${name}`,
  vector: (name) => `write ${name}::FLOAT[] AS ${name}`,
};

const labelCast = ({ column: { name, type }, kind }: Label): string => {
  if (classOf(type) === 'time') return `write (${name} IS NOT NULL) AS ${name} if it says when it happened`;
  const number = `TRY_CAST(${name} AS DOUBLE) AS ${name}`;
  return kind === 'binary'
    ? `write (${name} = 'yes') AS ${name} with the text that means yes, or ${number} if the texts are numbers`
    : `write ${number}`;
};

/**
 * Lays the definition over a query's columns. Throws `data_missing` with every column that is needed and not there, else
 * `data_invalid` with every column of a wrong type.
 */
export const mapColumns = (definition: RankerDefinition, columns: readonly QueryColumn[], sqlFile: string): Mapping => {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const readings = Object.entries(definition.features).flatMap(([name, feature]) => readingsOf(name, feature));
  refuseMissing(definition, readings, byName, sqlFile);

  const problems: Problem[] = [];
  const fields = new Map<
    string,
    { column: QueryColumn; need: Need; width?: number; scopes: Set<FeatureScope>; feature: string | undefined }
  >();
  for (const reading of [...readings].sort((a, b) => Number(a.scope === undefined) - Number(b.scope === undefined))) {
    const column = byName.get(reading.field);
    if (column === undefined) continue;
    if (!accepted[reading.need].includes(classOf(column.type))) {
      problems.push({
        path: `${sqlFile}: ${column.name}`,
        message: `is ${column.type}; the feature ${reading.feature} needs ${wanted[reading.need]}`,
        hint: cast[reading.need](column.name, column.type),
      });
    }
    const field = fields.get(reading.field) ?? { column, need: 'any', scopes: new Set(), feature: reading.feature };
    const reserved = reservedScope[reading.field];
    if (reserved !== undefined) field.scopes.add(reserved);
    if (reading.scope !== undefined) field.scopes.add(reading.scope);
    else if (!visible[reading.fallback].some((scope) => field.scopes.has(scope))) field.scopes.add(reading.fallback);
    if (reading.need !== 'any') field.need = reading.need;
    if (reading.width !== undefined) field.width = reading.width;
    fields.set(reading.field, field);
  }
  for (const [name, scope] of Object.entries(reservedScope)) {
    const column = byName.get(name);
    if (column !== undefined && !fields.has(name))
      fields.set(name, { column, need: 'any', scopes: new Set([scope]), feature: undefined });
  }
  const labels = labelsOf(definition, byName);
  for (const label of labels) {
    const { task, column } = label;
    if (!accepted.number.includes(classOf(column.type))) {
      problems.push({
        path: `${sqlFile}: ${column.name}`,
        message: `is ${column.type}; the label of ${task} must be a number or a boolean`,
        hint: labelCast(label),
      });
    }
  }
  const time = byName.get('time') ?? { name: 'time', type: 'missing' };
  if (!accepted.time.includes(classOf(time.type))) {
    problems.push({
      path: `${sqlFile}: time`,
      message: `is ${time.type}; needed is ${wanted.time}`,
      hint: cast.time('time', time.type),
    });
  }
  const position = byName.get('position');
  if (position !== undefined && !['number', 'integer64'].includes(classOf(position.type))) {
    problems.push({
      path: `${sqlFile}: position`,
      message: `is ${position.type}; a position is a whole number from 1`,
      hint: 'write TRY_CAST(position AS INTEGER) AS position',
    });
  }
  if (problems.length > 0) throw new WatchnextError('data_invalid', `${sqlFile} gives wrong types`, { problems });
  return {
    fields: [...fields.values()],
    labels,
    time,
    requestId: byName.get('request_id'),
    userId: byName.get('user_id'),
    itemId: byName.get('item_id'),
    position,
  };
};

const labelsOf = (definition: RankerDefinition, byName: ReadonlyMap<string, QueryColumn>): Label[] => {
  const tasks = Object.keys(definition.tasks);
  return Object.entries(definition.tasks).flatMap(([task, { label, kind, transform, when }]) => {
    const column = byName.get(label);
    if (column === undefined) return [];
    return [
      { task, column, kind, log1p: transform === 'log1p', when: when === undefined ? undefined : tasks.indexOf(when) },
    ];
  });
};

const refuseMissing = (
  definition: RankerDefinition,
  readings: readonly Reading[],
  byName: ReadonlyMap<string, QueryColumn>,
  sqlFile: string,
): void => {
  const users = new Map<string, string[]>();
  const need = (column: string, by: string): void => {
    if (!byName.has(column)) users.set(column, [...(users.get(column) ?? []), by]);
  };
  need('time', 'the order of the log');
  for (const { field, feature } of readings) need(field, `feature ${feature}`);
  for (const [task, { label }] of Object.entries(definition.tasks)) need(label, `the label of task ${task}`);
  if (definition.bias?.features.includes('position') === true) need('position', 'bias');
  if (users.size === 0) return;
  throw new WatchnextError(
    'data_missing',
    `${sqlFile} does not give ${users.size === 1 ? 'a column' : `${users.size} columns`} that the definition needs`,
    {
      problems: [...users].map(([column, by]) => ({
        path: `${sqlFile}: ${column}`,
        message: `no such column; needed by ${by.join(', ')}`,
        hint: missingHint(column, [...byName.values()]),
      })),
    },
  );
};

/** More columns than this are counted rather than named. */
const mostNamed = 40;

const missingHint = (column: string, columns: readonly QueryColumn[]): string => {
  const names = columns.map(({ name }) => name);
  const times = columns.filter(({ type }) => classOf(type) === 'time');
  const nearest = column === 'time' && times.length === 1 ? times[0]?.name : nearestName(column, names);
  if (nearest !== undefined) return `did you mean ${nearest}? Write ${nearest} AS ${column}`;
  if (names.length > mostNamed) return `add it to the query, which gives ${names.length} columns`;
  return `add it to the query, or write <column> AS ${column}; the query gives ${names.join(', ')}`;
};
