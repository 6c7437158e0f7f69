import type { FeatureDefinition } from '../definition/index.js';
import { instantReader, isList, numberOf, textOf, zoneOf, type FieldValue } from '../features/index.js';

/** What is wrong with a value, in words; undefined if the feature can read it. `now` in ms since the epoch. */
export type ValueCheck = (value: FieldValue, now: number) => string | undefined;

/**
 * The check of one feature's values, by the same readers as the feature itself; undefined for kinds that read no value.
 * Missing values are for the caller to leave out.
 */
export const valueCheck = (feature: FeatureDefinition): ValueCheck | undefined => {
  if (feature.kind === 'number') return numberCheck(feature.min, feature.max);
  if (feature.kind === 'category') return feature.values === undefined ? oneId : listed(feature.values);
  if (feature.kind === 'id') return oneId;
  if (feature.kind === 'ids') return idList;
  if (feature.kind === 'vector') return vectorOf(feature.width);
  if (feature.kind === 'time') return instantCheck(feature.timezone);
  return undefined;
};

const numberCheck =
  (min = -Infinity, max = Infinity): ValueCheck =>
  (value) => {
    const number = numberOf(value);
    if (Number.isNaN(number)) return `${shown(value)} is not a number: it counts as missing`;
    if (number < min) return `${shown(value)} is below ${min}, the least that is declared: it counts as ${min}`;
    return number > max ? `${shown(value)} is above ${max}, the most that is declared: it counts as ${max}` : undefined;
  };

const listed = (values: readonly (string | number | boolean)[]): ValueCheck => {
  const known = new Set<FieldValue>(values.flatMap((value) => [value, String(value)]));
  const allowed = values.length > 20 ? [...values.slice(0, 20), '…'] : values;
  return (value) => {
    if (known.has(value)) return undefined; // without making a text of each number
    const text = textOf(value);
    if (text !== undefined && known.has(text)) return undefined;
    return `${shown(value)} is not among the listed values: ${allowed.join(', ')}`;
  };
};

const oneId: ValueCheck = (value) =>
  isList(value) ? `${shown(value)} is a list where one value is needed: it counts as missing` : undefined;

const idList: ValueCheck = (value) =>
  typeof value === 'boolean' ? `${shown(value)} is not a list of ids: it counts as missing` : undefined;

const vectorOf =
  (width: number): ValueCheck =>
  (value) => {
    if (!isList(value)) return `${shown(value)} is not a list of ${width} numbers: it counts as missing`;
    if (value.length !== width) return `has ${value.length} numbers where ${width} are needed: it counts as missing`;
    for (const element of value) if (Number.isNaN(numberOf(element))) return `has an element that is not a number`;
    return undefined;
  };

/** 1 January 1990 in ms: an earlier "ms" is nearly always a time in seconds. */
const secondsBelow = 631_152_000_000;

const instantCheck = (timezone: string | undefined): ValueCheck => {
  const instantOf = instantReader(zoneOf(timezone));
  return (value, now) => {
    const instant = instantOf(value);
    if (Number.isNaN(instant))
      return `${shown(value)} is not a time (ms since 1970, or an ISO date): it counts as missing`;
    if (instant > 0 && instant < secondsBelow && !Number.isNaN(numberOf(value)))
      return `${shown(value)} is before 1990 as ms since 1970: is it in seconds? Times are in milliseconds`;
    return instant > now ? `${shown(value)} is in the future: its age counts as 0` : undefined;
  };
};

const shown = (value: FieldValue): string => {
  const text = JSON.stringify(value instanceof Float32Array || Array.isArray(value) ? [...value].slice(0, 5) : value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
