import type { RankerDefinition } from '../definition/index.js';
import { fieldNames, type FieldNames, type Impression, type ItemList } from '../events/index.js';
import { fieldsOfState, type Fields, type FieldValue } from '../features/index.js';
import type { EventIds } from './event-ids.js';
import type { KeptList, ListFields } from './kept-list.js';
import type { Lesson } from './lesson.js';

/** A list that was shown and may still get feedback. */
export interface Shown {
  readonly partition: number;
  /** The offset from which reading anew finds the impression and everything that came of it. */
  from: number;
  /** Its own event time, and where it stands among the others. */
  readonly time: number;
  readonly at: number;
  readonly requestId: string;
  readonly list: KeptList;
  /** Memory of many lists: [rows, tasks] as feedback made them are from `labelsAt` on. Undefined until there is some. */
  labels: Float32Array | undefined;
  labelsAt: number;
  /** The feedback that counted, by event id; made when the first comes. */
  seen: EventIds | undefined;
  /** Whether its wait is over. */
  matured: boolean;
  /** Undefined when nothing is learned from it (any more). */
  lesson: Lesson | undefined;
}

/** What was shown, in its order. */
export function listOf(impression: Impression): ItemList {
  const { list } = impression;
  if (list !== undefined) return list;
  const { items } = impression;
  return { ids: items.map(({ id }) => id), positions: items.map(({ position }) => position) };
}

/** Of joiners of one definition, which may be as many as there are partitions: what is known of items is known to all. */
const namesOfState = new WeakMap<RankerDefinition, FieldNames>();

/** The names of the fields that state looks at; undefined if there is none. */
export function stateNames(definition: RankerDefinition): FieldNames | undefined {
  const known = namesOfState.get(definition);
  if (known !== undefined) return known;
  const names = [...fieldsOfState(definition)];
  if (names.length === 0) return undefined;
  const made = fieldNames(names);
  namesOfState.set(definition, made);
  return made;
}

/** The fields that state looks at. It finds keys by them, so only texts, numbers and booleans matter. */
export function fieldsOf(impression: Impression, wanted: FieldNames): ListFields {
  const named = impression.namedFields?.(wanted);
  if (named !== undefined) return named;
  const { names } = wanted;
  const { user, context, candidates } = impression.fields;
  return {
    user: chosen(user, names),
    context: chosen(context, names),
    candidates: candidates.map((candidate) => chosen(candidate, names)),
  };
}

function chosen(fields: Fields, names: readonly string[]): Fields {
  const kept: Record<string, FieldValue> = {};
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' || typeof value === 'boolean') kept[name] = value;
    // As text where JSON has no such number: a key is the same either way.
    else if (typeof value === 'number' && !Number.isNaN(value))
      kept[name] = Number.isFinite(value) ? value : String(value);
  }
  return kept;
}
