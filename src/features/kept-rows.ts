import { fieldOf, fingerprint, type RankerDefinition } from '../definition/index.js';
import type { CompiledFeature } from './compile.js';
import { noCounts } from './counters.js';
import { isEmpty, isMissing, textOf } from './fields.js';
import { hashText } from './hash.js';
import type { Known } from './known.js';
import { GrowingKeys } from './keys.js';
import type { FeatureCounter, Fields, FieldValue } from './types.js';

/** What was read of a candidate whose fields never change, by the features that look at nothing else. */
export interface KeptRow {
  /**
   * One flat list: the numbers of number features; the hashes (high, low) of fields that state is keyed by, NaN where there is
   * none; where the keys of the first keys feature begin and those of each end, as places in this list; the keys, as pairs.
   */
  readonly values: readonly number[];
  /** Counted again each time it is read; undefined where there is nothing to count. */
  readonly counts: readonly { readonly feature: string; readonly counter: FeatureCounter }[] | undefined;
  /** The fields that are read for each request all the same: those of ages, and what no hash could be made of. */
  readonly others: Fields;
}

/** Keeps such rows with the fields they are of. */
export interface KeptRows {
  of(candidate: Known): KeptRow;
  /** Where the first number of a feature is, or the end of its keys. */
  readonly places: ReadonlyMap<string, number>;
  /** Where the hash of a field is. */
  readonly hashes: ReadonlyMap<string, number>;
}

interface Row {
  readonly others: Record<string, FieldValue>;
  readonly values: number[];
  readonly keys: GrowingKeys;
}

export const createKeptRows = (definition: RankerDefinition, features: readonly CompiledFeature[]): KeptRows => {
  const entry = { time: Number.NaN, user: none, context: none, candidate: none, kept: undefined };
  const counters = new Map<string, FeatureCounter>();
  const places = new Map<string, number>();
  const hashes = new Map<string, number>();
  const readers: ((row: Row) => unknown)[] = [];
  let width = 0;

  const own = features.filter(({ side, feature }) => side === 'candidate' && feature.fromFields === true);
  const tools = (name: string) => {
    const counter = noCounts();
    counters.set(name, counter);
    return { counter, cells: undefined, hashes };
  };
  for (const { name, feature } of own) {
    if (feature.type !== 'numbers') continue;
    const read = feature.reader(tools(name));
    const numbers = new Float32Array(feature.width);
    readers.push(({ values }) => {
      read(entry, numbers, 0);
      values.push(...numbers);
    });
    places.set(name, width);
    width += feature.width;
  }
  const hash = new Uint32Array(2);
  for (const field of keyFieldsOf(definition)) {
    readers.push(({ values, others }) => {
      const value = entry.candidate[field];
      const text = isMissing(value) ? undefined : textOf(value);
      if (text !== undefined) hashText(text, hash, 0);
      else if (!isMissing(value)) others[field] = value;
      values.push(...(text === undefined ? [Number.NaN, Number.NaN] : hash));
    });
    hashes.set(field, width);
    width += 2;
  }
  for (const field of unkeyedFieldsOf(definition, own)) {
    readers.push(({ others }) => {
      const value = entry.candidate[field];
      if (!isMissing(value)) others[field] = value;
    });
  }
  const keyed = own.flatMap(({ name, feature }) => (feature.type === 'keys' ? [{ name, feature }] : []));
  const keysAt = width + 1 + keyed.length;
  readers.push(({ values }) => values.push(keysAt));
  width++;
  for (const { name, feature } of keyed) {
    const read = feature.reader(tools(name));
    readers.push(({ values, keys }) => {
      read(entry, keys);
      values.push(keysAt + 2 * keys.length);
    });
    places.set(name, width++);
  }

  const make = (candidate: Fields): KeptRow => {
    entry.candidate = candidate;
    const row: Row = { others: {}, values: [], keys: new GrowingKeys() };
    for (const read of readers) read(row);
    entry.candidate = none;
    const { others } = row;
    return {
      values: [...row.values, ...row.keys.take()],
      counts: takeCounts(counters),
      others: isEmpty(others) ? none : others,
    };
  };
  const name = `read ${fingerprint(definition)}`;
  return { of: (candidate) => candidate.keep(name, make), places, hashes };
};

const none: Fields = Object.freeze({});

/** The candidate's fields of features that look at more than fields, and are not keyed by them. */
const unkeyedFieldsOf = ({ features }: RankerDefinition, own: readonly CompiledFeature[]): ReadonlySet<string> =>
  new Set(
    Object.entries(features).flatMap(([name, feature]) =>
      feature.scope !== 'candidate' || 'key' in feature || own.some((each) => each.name === name)
        ? []
        : [fieldOf(name, feature)],
    ),
  );

/** The fields that candidates' state is keyed by, wherever they lie. */
const keyFieldsOf = ({ features }: RankerDefinition): ReadonlySet<string> =>
  new Set(
    Object.values(features).flatMap((feature) =>
      feature.scope === 'candidate' && 'key' in feature ? [feature.key].flat() : [],
    ),
  );

/** What was counted, the counters being at zero again. */
const takeCounts = (counters: ReadonlyMap<string, FeatureCounter>): KeptRow['counts'] => {
  const counts: { feature: string; counter: FeatureCounter }[] = [];
  for (const [feature, counter] of counters) {
    if (counter.missing + counter.unknown + counter.outOfRange === 0) continue;
    counts.push({ feature, counter: { ...counter } });
    Object.assign(counter, noCounts());
  }
  return counts.length === 0 ? undefined : counts;
};
