import { combineHashes, hashText } from './hash.js';
import type { Entry, KeyList, ReadTools } from './feature.js';
import type { Fields, FieldValue } from './types.js';
import type { FeatureScope } from '../definition/index.js';

/** Without an array of its names: asked of every candidate. */
export const isEmpty = (fields: Fields): boolean => {
  for (const _ in fields) return false;
  return true;
};

/** Missing: undefined, null, blank text, NaN. */
export function isMissing(value: FieldValue): boolean {
  if (typeof value === 'string') return isBlank(value);
  return value === undefined || value === null || (typeof value === 'number' && Number.isNaN(value));
}

/** Most texts begin with a visible ASCII character, which settles it. */
function isBlank(text: string): boolean {
  const first = text.charCodeAt(0);
  return !(first > 0x20 && first < 0x7f) && text.trim() === '';
}

/** The text by which ids and categories compare: 1, '1' and 1.0 alike, true and 'true' alike; undefined for other types. */
export function textOf(value: FieldValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** A number that float32 can hold, or NaN; text is parsed, booleans are 0 and 1. */
export function numberOf(value: FieldValue): number {
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'boolean' || (typeof value === 'string' && value.trim() !== '')
        ? Number(value)
        : Number.NaN;
  return Number.isFinite(Math.fround(number)) ? number : Number.NaN;
}

export function isList(value: FieldValue): value is readonly (string | number)[] | Float32Array {
  return Array.isArray(value) || value instanceof Float32Array;
}

/** Reads one field of the feature's own scope. One function per scope: a lookup by name would be one more per value read. */
export function fieldReader(scope: FeatureScope, field: string): (entry: Entry) => FieldValue {
  switch (scope) {
    case 'user':
      return ({ user }) => user[field];
    case 'context':
      return ({ context }) => context[field];
    case 'candidate':
      return ({ candidate }) => candidate[field];
  }
}

/** Where a key's fields are looked for, first hit wins. Request-side state must not depend on a candidate. */
const keyScopes: Readonly<Record<FeatureScope, readonly FeatureScope[]>> = {
  candidate: ['candidate', 'context', 'user'],
  context: ['context', 'user'],
  user: ['user', 'context'],
};

/**
 * Reads the key of stateful features: one or two fields, each from the entry's own scope or what surrounds it.
 * The returned function writes (high, low) to out[0..1] and answers whether every field was there.
 */
export function keyReader(
  scope: FeatureScope,
  key: string | readonly string[],
  hashes?: ReadTools['hashes'],
): (entry: Entry, out: Uint32Array) => boolean {
  const [first, second] = (typeof key === 'string' ? [key] : key).map((field) => partReader(scope, field, hashes));
  const pairs = new Uint32Array(4);
  return (entry, out) => {
    if (first?.(entry, pairs, 0) !== true) return false;
    if (second === undefined) {
      out[0] = pairs[0] ?? 0;
      out[1] = pairs[1] ?? 0;
      return true;
    }
    if (!second(entry, pairs, 2)) return false;
    combineHashes(pairs, out, 0);
    return true;
  };
}

/** Writes the hash of a field to pairs[at..at + 1]; false where it is nowhere. */
function partReader(
  scope: FeatureScope,
  field: string,
  hashes: ReadTools['hashes'],
): (entry: Entry, pairs: Uint32Array, at: number) => boolean {
  const places = keyScopes[scope].map((place) => fieldReader(place, field));
  const keptAt = hashes?.get(field);
  // A list's rows share their user, and often more: what was hashed last is hashed once.
  let hashed: string | undefined;
  const hash = new Uint32Array(2);
  return (entry, pairs, at) => {
    const kept = keptAt === undefined ? undefined : entry.kept?.values[keptAt];
    if (keptAt !== undefined && kept !== undefined && !Number.isNaN(kept)) {
      pairs[at] = kept;
      pairs[at + 1] = entry.kept?.values[keptAt + 1] ?? 0;
      return true;
    }
    const text = findText(entry, places);
    if (text === undefined) return false;
    if (text !== hashed) hashText((hashed = text), hash, 0);
    pairs[at] = hash[0] ?? 0;
    pairs[at + 1] = hash[1] ?? 0;
    return true;
  };
}

function findText(entry: Entry, places: readonly ((entry: Entry) => FieldValue)[]): string | undefined {
  for (const read of places) {
    const value = read(entry);
    if (!isMissing(value)) return textOf(value);
  }
  return undefined;
}

/**
 * Reads the row of an entry's cell, -1 where nothing is known of the key; an entry without a key is counted as missing.
 */
export function cellReader(
  { scope, key }: { readonly scope: FeatureScope; readonly key: string | readonly string[] },
  { counter, cells, hashes }: ReadTools,
): (entry: Entry) => number {
  const read = keyReader(scope, key, scope === 'candidate' ? hashes : undefined);
  const found = new Uint32Array(2);
  return (entry) => {
    if (read(entry, found)) return cells?.find(found[0] ?? 0, found[1] ?? 0) ?? -1;
    counter.missing++;
    return -1;
  };
}

/** Appends the hash of one id; answers 'missing' or 'unknown' when there is nothing to append. */
export function addId(value: FieldValue, keys: KeyList): 'added' | 'missing' | 'unknown' {
  if (isMissing(value)) return 'missing';
  const text = textOf(value);
  if (text === undefined) return 'unknown';
  keys.addText(text);
  return 'added';
}
