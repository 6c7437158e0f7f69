import type { FeatureStore } from '../features/index.js';
import type { EntityId, EntityKind, KeptEntities } from './entities.js';

/** What a service that has just started knows before it is asked. */
export interface ReadAhead {
  readonly items: readonly EntityId[];
  readonly users: readonly EntityId[];
}

export interface ReadAheadOptions {
  readonly store: FeatureStore;
  readonly entities: KeptEntities;
  /** How many entities are kept in memory: of each kind no more than half as many are named. */
  readonly capacity: number;
  /** Milliseconds of any clock that does not go back; performance.now() if left out. */
  readonly clock?: () => number;
}

const kinds = ['item', 'user'] as const;
/** Of each kind: what is asked for in the first seconds, read in a few tenths of one. */
const most = 20_000;
/** So many at a time, as for a request: what the store is given time for, and between them the process answers that it is alive. */
const atOnce = 200;
/** Nobody waits longer for a service that is ready but for this. */
const longestMs = 1000;

/** By what was read into them: what was read ahead, in the order in which it was. */
const aheadOf = new WeakMap<KeptEntities, Record<EntityKind, readonly EntityId[]>>();

/**
 * Names in the store the items and users that were read last, most recent first, for whoever starts next; replicas that share
 * a store share the list. What was read ahead and not asked for since comes last, in the order in which it was named. Where nothing
 * was read, what is named stays. Rejects as the store does.
 */
export const nameRecent = async ({ store, entities, capacity }: ReadAheadOptions): Promise<void> => {
  const writes = kinds.flatMap((kind) => {
    const read = entities.recent(kind, Infinity);
    const ids = inNamedOrder(read, aheadOf.get(entities)?.[kind] ?? []).slice(0, mostOf(capacity));
    return ids.length === 0 ? [] : [{ key: keyOf(kind), value: new TextEncoder().encode(JSON.stringify(ids)) }];
  });
  if (writes.length > 0) await store.apply(writes);
};

/**
 * What was read ahead was read the most recent first, so that it stands behind everything else the other way round: from the
 * end on, as long as the places in what was named go up.
 */
const inNamedOrder = (read: readonly EntityId[], named: readonly EntityId[]): readonly EntityId[] => {
  const placeOf = new Map(named.map((id, place) => [id, place]));
  let from = read.length;
  for (let last = -1; from > 0; from--) {
    const place = placeOf.get(read[from - 1] ?? '') ?? -1;
    if (place <= last) break;
    last = place;
  }
  return [...read.slice(0, from), ...read.slice(from).reverse()];
};

/**
 * Reads what was named by who served last, the most recent first, for a second at most, and answers what it read. Counts
 * nothing. Never rejects: without a list or a store nothing is known, as before.
 */
export const readAhead = async (options: ReadAheadOptions): Promise<ReadAhead> => {
  const { store, entities, capacity, clock = () => performance.now() } = options;
  const end = clock() + longestMs;
  const read = { item: [] as EntityId[], user: [] as EntityId[] };
  aheadOf.set(entities, read);
  const values = await store.read(kinds.map(keyOf)).catch(() => []);
  const named = kinds.map((kind, at) => ({ kind, ids: idsIn(values[at]) }));
  for (let left = mostOf(capacity), isMore = true; isMore && left > 0; left -= atOnce) {
    isMore = false;
    for (const { kind, ids: rest } of named) {
      const ids = taken(rest, Math.min(atOnce, left));
      if (ids.length === 0) continue;
      if (clock() >= end) return { items: read.item, users: read.user };
      isMore = true;
      const { known } = await entities.readUncounted(kind, ids);
      read[kind].push(...ids.filter((_, place) => known[place] !== undefined));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { items: read.item, users: read.user };
};

const mostOf = (capacity: number): number => Math.min(most, Math.floor(capacity / 2));
const keyOf = (kind: EntityKind): string => `recent/${kind}`;

/** An entry of a list as JSON, with what is before and behind it. */
const entry = /[[,]\s*("(?:[^"\\]|\\.)*"|-?\d+)\s*(?=[,\]])/y;

/** One after the other, as far as they are asked for: to read all of a long list takes as long as several requests. Ends where it is damaged. */
function* idsIn(value: Uint8Array | undefined): Generator<EntityId, void> {
  const text = new TextDecoder().decode(value);
  for (let at = 0; ;) {
    entry.lastIndex = at;
    const id = idOf(entry.exec(text)?.[1]);
    if (id === undefined) return;
    // Before the others are asked, who share the expression.
    at = entry.lastIndex;
    yield id;
  }
}

const idOf = (text: string | undefined): EntityId | undefined => {
  if (text === undefined) return undefined;
  try {
    const id = JSON.parse(text) as EntityId;
    return typeof id === 'string' || Number.isSafeInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
};

const taken = (ids: Iterator<EntityId, void>, most: number): EntityId[] => {
  const part: EntityId[] = [];
  while (part.length < most) {
    const { value } = ids.next();
    if (value === undefined) break;
    part.push(value);
  }
  return part;
};
