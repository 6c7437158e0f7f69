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

/**
 * Names in the store the items and users that were read last, most recent first, for whoever starts next; replicas that share
 * a store share the list. Where nothing was read, what is named stays. Rejects as the store does.
 */
export const nameRecent = async ({ store, entities, capacity }: ReadAheadOptions): Promise<void> => {
  const writes = kinds.flatMap((kind) => {
    const ids = entities.recent(kind, mostOf(capacity));
    return ids.length === 0 ? [] : [{ key: keyOf(kind), value: new TextEncoder().encode(JSON.stringify(ids)) }];
  });
  if (writes.length > 0) await store.apply(writes);
};

/**
 * Reads what was named by who served last, the most recent first, for a second at most, and answers what it read. Counts
 * nothing. Never rejects: without a list or a store nothing is known, as before.
 */
export const readAhead = async (options: ReadAheadOptions): Promise<ReadAhead> => {
  const { store, entities, capacity, clock = () => performance.now() } = options;
  const end = clock() + longestMs;
  const read = { item: [] as EntityId[], user: [] as EntityId[] };
  const values = await store.read(kinds.map(keyOf)).catch(() => []);
  const named = kinds.map((_, at) => idsOf(values[at]).slice(0, mostOf(capacity)));
  for (let from = 0; named.some(({ length }) => from < length); from += atOnce)
    for (const [at, kind] of kinds.entries()) {
      const ids = named[at]?.slice(from, from + atOnce) ?? [];
      if (ids.length === 0) continue;
      if (clock() >= end) return { items: read.item, users: read.user };
      const { known } = await entities.readUncounted(kind, ids);
      read[kind].push(...ids.filter((_, place) => known[place] !== undefined));
      await new Promise((resolve) => setImmediate(resolve));
    }
  return { items: read.item, users: read.user };
};

const mostOf = (capacity: number): number => Math.min(most, Math.floor(capacity / 2));
const keyOf = (kind: EntityKind): string => `recent/${kind}`;

const idsOf = (value: Uint8Array | undefined): EntityId[] => {
  if (value === undefined) return [];
  try {
    const ids: unknown = JSON.parse(new TextDecoder().decode(value));
    return Array.isArray(ids)
      ? ids.filter((id: unknown): id is EntityId => typeof id === 'string' || Number.isSafeInteger(id))
      : [];
  } catch {
    return [];
  }
};
