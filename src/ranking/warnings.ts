import type { RankerDefinition } from '../definition/index.js';
import { isMissing, type Fields } from '../features/index.js';
import { nearestName } from '../nearest.js';
import type { RankRequest } from './types.js';
import { valueCheck, type ValueCheck } from './value-check.js';

export type FieldPlace = 'user' | 'context' | 'candidate';

/** A field that was accepted and does not do what its sender may think: the answer is as if it were not there. */
export interface FieldWarning {
  readonly field: string;
  readonly where: FieldPlace;
  readonly message: string;
}

/** By place and field name: what checks its values. A field that only keys state is known and has no check. */
type KnownFields = Readonly<Record<FieldPlace, ReadonlyMap<string, readonly ValueCheck[]>>>;

const mostWarnings = 10;

/**
 * Collects warnings, at most one per field and place and ten in all. A field is fine if any of the rankers reads it; its
 * values must be readable for every ranker that reads it. Without a ranker nothing is known, and nothing is warned of.
 */
export const createFieldWarnings = (
  definitions: readonly RankerDefinition[],
  now: number,
): { check(where: FieldPlace, fields: Fields): void; readonly list: readonly FieldWarning[] } => {
  const rankers = definitions.map(knownFieldsOf);
  const warned = new Set<string>();
  const list: FieldWarning[] = [];
  const warn = (where: FieldPlace, field: string, message: string): void => {
    const key = `${where}/${field}`;
    if (warned.has(key)) return;
    warned.add(key);
    list.push({ field, where, message });
  };
  return {
    list,
    check(where, fields) {
      if (rankers.length === 0) return;
      for (const field in fields) {
        if (list.length >= mostWarnings) return;
        let known = false;
        for (const ranker of rankers) {
          const checks = ranker[where].get(field);
          if (checks === undefined) continue;
          known = true;
          const value = fields[field];
          if (checks.length === 0 || isMissing(value)) continue;
          for (const check of checks) {
            const problem = check(value, now);
            if (problem !== undefined) warn(where, field, problem);
          }
        }
        if (!known && !warned.has(`${where}/${field}`)) warn(where, field, unknownMessage(rankers, where, field));
      }
    },
  };
};

/** Looking at every field of 200 candidates costs 0.6 ms; what is wrong is nearly always wrong in all of them. */
const candidatesLookedAt = 50;

/**
 * Of what the request itself holds: what was put before was warned of when it was put. Of a long list some candidates are
 * looked at, evenly spread; all with explain.
 */
export const requestWarnings = (
  { user, context, candidates, explain }: RankRequest,
  definition: RankerDefinition,
  now: number,
): readonly FieldWarning[] => {
  const warnings = createFieldWarnings([definition], now);
  if (user !== undefined) warnings.check('user', user.fields);
  if (context !== undefined) warnings.check('context', context);
  const step = explain === true ? 1 : Math.ceil(candidates.length / candidatesLookedAt);
  for (let index = 0; index < candidates.length; index += step)
    warnings.check('candidate', candidates[index]?.fields ?? {});
  return warnings.list;
};

const unknownMessage = (rankers: readonly KnownFields[], where: FieldPlace, field: string): string => {
  const elsewhere = places.find((place) => place !== where && rankers.some((known) => known[place].has(field)));
  if (elsewhere !== undefined) return `is not read here: it is a field of the ${elsewhere}`;
  const nearest = nearestName(field, new Set(rankers.flatMap((known) => [...known[where].keys()])));
  return nearest === undefined ? 'no feature reads it' : `no feature reads it; did you mean ${nearest}?`;
};

const places: readonly FieldPlace[] = ['user', 'context', 'candidate'];
/** Where the fields of a key are looked for, by the scope of its feature. */
const keyPlaces: Readonly<Record<FieldPlace, readonly FieldPlace[]>> = {
  candidate: ['candidate', 'context', 'user'],
  context: ['context', 'user'],
  user: ['user', 'context'],
};

const remembered = new WeakMap<RankerDefinition, KnownFields>();

/** Definitions live as long as the version they came with, so this is worked out once per loaded version. */
export const knownFieldsOf = (definition: RankerDefinition): KnownFields => {
  const before = remembered.get(definition);
  if (before !== undefined) return before;
  const known = {
    user: new Map<string, ValueCheck[]>(),
    context: new Map<string, ValueCheck[]>(),
    candidate: new Map<string, ValueCheck[]>(),
  };
  const add = (place: FieldPlace, field: string, check?: ValueCheck): void => {
    if (field === 'user_id' || field === 'item_id') return; // filled in by the service, never sent
    const checks = known[place].get(field) ?? [];
    known[place].set(field, checks);
    if (check !== undefined) checks.push(check);
  };
  for (const [name, feature] of Object.entries(definition.features)) {
    if (feature.kind === 'history' || feature.kind === 'rate' || feature.kind === 'count') {
      const key = feature.key ?? 'user_id';
      for (const field of typeof key === 'string' ? [key] : key)
        for (const place of keyPlaces[feature.scope]) add(place, field);
      // Not read when ranking, but of the feedback that comes later with the same candidate.
      if (feature.kind === 'history') add('candidate', feature.of);
    } else if (feature.kind !== 'time' || feature.unit === 'age') {
      add(feature.scope, feature.from ?? name, valueCheck(feature));
    }
  }
  remembered.set(definition, known);
  return known;
};
