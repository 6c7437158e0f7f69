import type { EventId, Impression } from '../events/index.js';
import { encodeFeatureBatch, type Fields, type FieldValue } from '../features/index.js';

import type { EventIds } from './event-ids.js';
import type { LabelBook } from './labels.js';
import type { Slab } from './slab.js';

/** A list that was shown and may still get feedback. */
export interface Shown {
  readonly partition: number;
  /** The offset from which reading anew finds the impression and everything that came of it. */
  from: number;
  /** Its own event time, and where it stands among the others. */
  readonly time: number;
  readonly at: number;
  readonly requestId: string;
  /** [rows] */
  readonly items: readonly EventId[];
  /** [rows, tasks] as feedback made them. */
  readonly labels: Float32Array;
  /** The feedback that counted, by event id; made when the first comes. */
  seen: EventIds | undefined;
  /** What feature state looks at; undefined if there is none. */
  readonly fields: ShownFields | undefined;
  /** Whether its wait is over. */
  matured: boolean;
  /** What it takes to learn from it; undefined when nothing is learned from it (any more). */
  lesson: Lesson | undefined;
}

export interface ShownFields {
  readonly user: Fields;
  readonly context: Fields;
  /** [rows] */
  readonly candidates: readonly Fields[];
}

export interface Lesson {
  readonly version: string;
  readonly arms: Readonly<Record<string, string>>;
  /** [rows] 1-based. */
  readonly positions: Int32Array;
  /** [rows, tasks] in the order of the definition's tasks. */
  readonly served: Float32Array;
  readonly features: Uint8Array;
  /** Of the feedback that its example will have. */
  feedbackTimes: readonly number[];
}

/**
 * What to learn from an impression of this ranker, in memory of its own: the log's bytes are not kept. What it has in common
 * with the one before it is shared.
 */
export function lessonOf(
  event: Impression,
  { tasks }: LabelBook,
  { slab, last }: { readonly slab: Slab; readonly last: Lesson | undefined },
): Lesson {
  const { items, heads } = event;
  const width = event.tasks.length;
  const columns = tasks.map(({ task }) => event.tasks.indexOf(task));
  const served = slab.floats(items.length * tasks.length);
  const positions = slab.integers(items.length);
  for (let row = 0; row < items.length; row++) positions[row] = items[row]?.position ?? 0;
  for (let row = 0, at = 0; row < items.length; row++) {
    for (const column of columns) served[at++] = column < 0 ? Number.NaN : (heads[row * width + column] ?? Number.NaN);
  }
  return {
    version: event.version === last?.version ? last.version : event.version,
    arms: last !== undefined && sameArms(last.arms, event.arms) ? last.arms : event.arms,
    positions,
    served,
    features: slab.copy(event.encodedFeatures ?? encodeFeatureBatch(event.features)),
    feedbackTimes: none,
  };
}

/** The fields that state looks at. It finds keys by them, so only texts, numbers and booleans matter. */
export function fieldsOf({ fields }: Impression, names: readonly string[]): ShownFields {
  const { user, context, candidates } = fields;
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

const none: readonly number[] = [];

function sameArms(a: Lesson['arms'], b: Lesson['arms']): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** The row of an item, -1 if the list does not hold it; 7 and "7" are the same. */
export function rowOf({ items }: Shown, id: EventId): number {
  const row = items.indexOf(id);
  return row >= 0 ? row : items.findIndex((item) => String(item) === String(id));
}
