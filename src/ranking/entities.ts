import type { Fields, FeatureStore } from '../features/index.js';
import type { Metrics } from '../telemetry/index.js';

/** An item or user is named by a text or a whole number; 7 and "7" are the same. */
export type EntityId = string | number;
export type EntityKind = 'item' | 'user';
export interface Entity {
  readonly id: EntityId;
  readonly fields: Fields;
}

/** What is known of those that were asked for. */
export interface Found {
  /** In the order asked; undefined for what was never put, or could not be read. */
  readonly fields: readonly (Fields | undefined)[];
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

interface Cached {
  readonly fields: Fields | undefined;
  /** As the store has them; undefined where it has nothing. */
  readonly value: Uint8Array | undefined;
  readonly readAt: number;
}

/**
 * Entities over a store, with the most recently read ones kept parsed in memory. What another process wrote is seen after
 * `maxAgeMs` at the latest; what this one wrote, at once. While the store fails, memory answers.
 */
export const createEntities = (options: {
  readonly store: FeatureStore;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly capacity?: number;
  readonly maxAgeMs?: number;
}): Entities => {
  const { store, metrics, now, capacity = 100_000, maxAgeMs = 10_000 } = options;
  const cache = new Map<string, Cached>();
  const remember = (key: string, { fields, value }: Omit<Cached, 'readAt'>): void => {
    cache.delete(key); // so that it becomes the newest: a Map keeps insertion order
    cache.set(key, { fields, value, readAt: now() });
    if (cache.size > capacity) for (const oldest of cache.keys()) return void cache.delete(oldest);
  };
  /** Of a write that failed nobody knows whether it was done: what was cached is read again, and serves until then. */
  const doubt = (key: string): void => {
    const cached = cache.get(key);
    if (cached !== undefined) cache.set(key, { ...cached, readAt: -Infinity });
  };
  /** What is as it was stays the same object: it is not parsed again, and what was made of it (its text for the log) holds. */
  const parsed = (key: string, value: Uint8Array): Fields | undefined => {
    const cached = cache.get(key);
    const isSame = cached?.value !== undefined && Buffer.compare(cached.value, value) === 0;
    return isSame ? cached.fields : parseFields(value);
  };
  const count = (kind: EntityKind, source: string, entities: number): void => {
    if (entities > 0) metrics.count('watchnext_entity_reads_total', { kind, source }, entities);
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
        for (const { key } of writes) doubt(key);
        throw error;
      }
      entities.forEach(({ fields }, entity) => {
        const { key, value } = writes[entity] ?? {};
        if (key !== undefined) remember(key, { fields, value });
      });
    },

    read: async (kind, ids) => {
      const fields = new Array<Fields | undefined>(ids.length);
      const wanted: number[] = [];
      const oldest = now() - maxAgeMs;
      ids.forEach((id, place) => {
        const cached = cache.get(keyOf(kind, id));
        if (cached !== undefined && cached.readAt >= oldest) fields[place] = cached.fields;
        else wanted.push(place);
      });
      count(kind, 'cache', ids.length - wanted.length);
      if (wanted.length === 0) return { fields, stale: 0, unread: 0 };
      const keys = wanted.map((place) => keyOf(kind, ids[place] ?? ''));
      const values = await store.read(keys).catch(() => undefined);
      if (values === undefined) {
        const old = keys.map((key) => cache.get(key));
        wanted.forEach((place, index) => (fields[place] = old[index]?.fields));
        const stale = old.filter((cached) => cached !== undefined).length;
        const unread = old.length - stale;
        count(kind, 'stale', stale);
        count(kind, 'unread', unread);
        return { fields, stale, unread };
      }
      const found = { store: 0, absent: 0, unreadable: 0 };
      wanted.forEach((place, index) => {
        const key = keys[index] ?? '';
        const value = values[index];
        const read = value === undefined ? undefined : parsed(key, value);
        found[value === undefined ? 'absent' : read === undefined ? 'unreadable' : 'store']++;
        fields[place] = read;
        remember(key, { fields: read, value });
      });
      for (const [source, entities] of Object.entries(found)) count(kind, source, entities);
      return { fields, stale: 0, unread: 0 };
    },
  };
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyOf = (kind: EntityKind, id: EntityId): string => `${kind}/${id}`;

/** Undefined for what is not the JSON of an object: one damaged value must not cost a whole list its scores. */
const parseFields = (value: Uint8Array): Fields | undefined => {
  try {
    const fields: unknown = JSON.parse(decoder.decode(value));
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? (fields as Fields) : undefined;
  } catch {
    return undefined;
  }
};
