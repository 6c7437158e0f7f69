import { combineHashes, hashText } from './hash.js';
import type { Entry, KeyList, ReadTools } from './feature.js';
import type { FieldValue } from './types.js';
import type { FeatureScope } from '../definition/index.js';

/** Missing: undefined, null, blank text, NaN. */
export function isMissing(value: FieldValue): boolean {
  return (
    value === undefined ||
    value === null ||
    (typeof value === 'string' ? value.trim() === '' : typeof value === 'number' && Number.isNaN(value))
  );
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

/** Reads one field of the feature's own scope. */
export function fieldReader(scope: FeatureScope, field: string): (entry: Entry) => FieldValue {
  return (entry) => entry[scope][field];
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
): (entry: Entry, out: Uint32Array) => boolean {
  const scopes = keyScopes[scope];
  const find = (entry: Entry, field: string): string | undefined => {
    for (const place of scopes) {
      const value = entry[place][field];
      if (!isMissing(value)) return textOf(value);
    }
    return undefined;
  };
  const [first, second] = typeof key === 'string' ? [key] : key;
  const pairs = new Uint32Array(4);
  // A list's rows share their user, and often more: what was hashed last is hashed once.
  let hashed: string | undefined;
  let otherHashed: string | undefined;
  return (entry, out) => {
    const text = first === undefined ? undefined : find(entry, first);
    if (text === undefined) return false;
    if (text !== hashed) hashText((hashed = text), pairs, 0);
    if (second === undefined) {
      out[0] = pairs[0] ?? 0;
      out[1] = pairs[1] ?? 0;
      return true;
    }
    const other = find(entry, second);
    if (other === undefined) return false;
    if (other !== otherHashed) hashText((otherHashed = other), pairs, 2);
    combineHashes(pairs, out, 0);
    return true;
  };
}

/** Reads the row of an entry's cell, -1 where nothing is known of the key; an entry without a key is counted as missing. */
export function cellReader(key: ReturnType<typeof keyReader>, { counter, cells }: ReadTools): (entry: Entry) => number {
  const found = new Uint32Array(2);
  return (entry) => {
    if (key(entry, found)) return cells?.find(found[0] ?? 0, found[1] ?? 0) ?? -1;
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
