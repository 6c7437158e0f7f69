import { Known, type Fields, type FeatureStore } from '../features/index.js';
import type { Metrics } from '../telemetry/index.js';
import { StoredFields } from './stored-fields.js';

/** An item or user is named by a text or a whole number; 7 and "7" are the same. */
export type EntityId = string | number;
export type EntityKind = 'item' | 'user';
export interface Entity {
  readonly id: EntityId;
  readonly fields: Fields;
}

/** What is known of those that were asked for. */
export interface Found {
  /**
   * In the order asked, an item with its id as `item_id`; undefined for what was never put, or could not be read. What did not
   * change stays the same object, so that what was made of it holds.
   */
  readonly known: readonly (Known | undefined)[];
  /** So many are as they were read longer ago than they should be, because the store does not answer. */
  readonly stale: number;
  /** So many could not be read and are not in memory either. */
  readonly unread: number;
}

/** The fields of items and users that were put before. */
export interface Entities {
  /** All or none; replaces what was known of each, so that putting the same again changes nothing. */
  put(kind: EntityKind, entities: readonly Entity[]): Promise<void>;
  /** A store that fails is no failure here: what is in memory is answered, however old, and how much is missing. */
  read(kind: EntityKind, ids: readonly EntityId[]): Promise<Found>;
}

/** Entities of which the most recently read ones are in memory. */
export interface KeptEntities extends Entities {
  /** As `read`, and counts nothing: for what nobody asked for. */
  readUncounted(kind: EntityKind, ids: readonly EntityId[]): Promise<Found>;
  /** Of those in memory that are known, the ones read from the store last, most recent first. */
  recent(kind: EntityKind, most: number): readonly EntityId[];
}

interface Cached {
  readonly known: Known | undefined;
  /** Of the id in `known`: 7 and "7" are one item, but not one field. */
  readonly idType: string;
  /** As the store has them; undefined where it has nothing. */
  readonly value: Uint8Array | undefined;
  readonly readAt: number;
}

/**
 * Entities over a store, with the most recently read ones kept in memory. What another process wrote is seen after
 * `maxAgeMs` at the latest; what this one wrote, at once. While the store fails, memory answers.
 */
export const createEntities = (options: {
  readonly store: FeatureStore;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly capacity?: number;
  readonly maxAgeMs?: number;
}): KeptEntities => {
  const { store, metrics, now, capacity = 100_000, maxAgeMs = 10_000 } = options;
  /** By id as text: a name of kind and id for each of 200 candidates costs a tenth of a millisecond. */
  const caches = { item: new Map<string, Cached>(), user: new Map<string, Cached>() };
  const remember = (kind: EntityKind, id: EntityId, { known, value }: Pick<Cached, 'known' | 'value'>): void => {
    const cache = caches[kind];
    const name = String(id);
    cache.delete(name); // so that it becomes the newest: a Map keeps insertion order
    cache.set(name, { known, value, idType: typeof id, readAt: now() });
    if (caches.item.size + caches.user.size > capacity)
      for (const oldest of cache.keys()) return void cache.delete(oldest);
  };
  /** Of a write that failed nobody knows whether it was done: what was cached is read again, and serves until then. */
  const doubt = (kind: EntityKind, id: EntityId): void => {
    const cached = caches[kind].get(String(id));
    if (cached !== undefined) caches[kind].set(String(id), { ...cached, readAt: -Infinity });
  };
  /** What was read again and is the same stays as it is, bytes and all: what was made of it holds, and it is old to the collector. */
  const parsed = (kind: EntityKind, id: EntityId, value: Uint8Array): Pick<Cached, 'known' | 'value'> => {
    const cached = caches[kind].get(String(id));
    const isSame =
      cached?.value !== undefined && cached.idType === typeof id && Buffer.compare(cached.value, value) === 0;
    if (isSame) return cached;
    // Redis' values are views of a reply: one that is kept would keep all of it.
    const own = value.buffer.byteLength > mostShared ? new Uint8Array(value) : value;
    return { known: knownOf(kind, id, own), value: own };
  };
  const count = (kind: EntityKind, source: string, entities: number): void => {
    if (entities > 0) metrics.count('watchnext_entity_reads_total', { kind, source }, entities);
  };

  const find = async (kind: EntityKind, ids: readonly EntityId[], tell: typeof count): Promise<Found> => {
    const known = new Array<Known | undefined>(ids.length);
    const wanted: number[] = [];
    const oldest = now() - maxAgeMs;
    const cache = caches[kind];
    ids.forEach((id, place) => {
      const cached = cache.get(String(id));
      if (cached !== undefined && cached.readAt >= oldest && cached.idType === typeof id) known[place] = cached.known;
      else wanted.push(place);
    });
    tell(kind, 'cache', ids.length - wanted.length);
    if (wanted.length === 0) return { known, stale: 0, unread: 0 };
    const keys = wanted.map((place) => keyOf(kind, ids[place] ?? ''));
    const values = await store.read(keys).catch(() => undefined);
    if (values === undefined) {
      const old = wanted.map((place) => cache.get(String(ids[place])));
      wanted.forEach((place, index) => {
        const { known: before, idType, value } = old[index] ?? {};
        const id = ids[place] ?? '';
        known[place] = kind === 'item' && before && value && idType !== typeof id ? knownOf(kind, id, value) : before;
      });
      const stale = old.filter((cached) => cached !== undefined).length;
      const unread = old.length - stale;
      tell(kind, 'stale', stale);
      tell(kind, 'unread', unread);
      return { known, stale, unread };
    }
    const found = { store: 0, absent: 0, unreadable: 0 };
    wanted.forEach((place, index) => {
      const id = ids[place] ?? '';
      const value = values[index];
      const read = value === undefined ? nothing : parsed(kind, id, value);
      found[value === undefined ? 'absent' : read.known === undefined ? 'unreadable' : 'store']++;
      known[place] = read.known;
      remember(kind, id, read);
    });
    for (const [source, entities] of Object.entries(found)) tell(kind, source, entities);
    return { known, stale: 0, unread: 0 };
  };

  return {
    put: async (kind, entities) => {
      const writes = entities.map(({ id, fields }) => ({
        key: keyOf(kind, id),
        value: encoder.encode(JSON.stringify(fields)),
      }));
      try {
        await store.apply(writes);
      } catch (error) {
        for (const { id } of entities) doubt(kind, id);
        throw error;
      }
      entities.forEach(({ id }, entity) => {
        const value = writes[entity]?.value;
        // As it will be read, by whomever: the log says an item in the same bytes.
        remember(kind, id, { known: value && new Known(new StoredFields(kind, id, value)), value });
      });
    },

    read: (kind, ids) => find(kind, ids, count),
    readUncounted: (kind, ids) => find(kind, ids, () => undefined),
    recent: (kind, most) => {
      const ids: EntityId[] = [];
      for (const [name, { known, idType }] of caches[kind])
        if (known !== undefined) ids.push(idType === 'number' ? Number(name) : name);
      return ids.reverse().slice(0, most);
    },
  };
};

const nothing = { known: undefined, value: undefined };

/** Undefined for a value that cannot be read. */
const knownOf = (kind: EntityKind, id: EntityId, value: Uint8Array): Known | undefined => {
  const stored = new StoredFields(kind, id, value);
  const fields = stored.parse();
  return fields && new Known(stored, fields);
};

/** Bytes of memory that a value may keep with others; buffers of Node share as much. */
const mostShared = 8192;

const encoder = new TextEncoder();
const keyOf = (kind: EntityKind, id: EntityId): string => `${kind}/${id}`;
