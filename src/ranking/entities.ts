import { WatchnextError } from '../errors.js';
import type { Fields, FeatureStore } from '../features/index.js';
import type { Metrics } from '../telemetry/index.js';

/** An item or user is named by a text or a whole number; 7 and "7" are the same. */
export type EntityId = string | number;
export type EntityKind = 'item' | 'user';
export interface Entity {
  readonly id: EntityId;
  readonly fields: Fields;
}

/** The fields of items and users that were put before. */
export interface Entities {
  /** All or none; replaces what was known of each, so that putting the same again changes nothing. */
  put(kind: EntityKind, entities: readonly Entity[]): Promise<void>;
  /** In the order asked; undefined for what was never put. */
  read(kind: EntityKind, ids: readonly EntityId[]): Promise<readonly (Fields | undefined)[]>;
}

interface Cached {
  readonly fields: Fields | undefined;
  readonly readAt: number;
}

/**
 * Entities over a store, with the most recently read ones kept parsed in memory. What another process wrote is seen after
 * `maxAgeMs` at the latest; what this one wrote, at once.
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
  const remember = (key: string, fields: Fields | undefined): void => {
    cache.delete(key); // so that it becomes the newest: a Map keeps insertion order
    cache.set(key, { fields, readAt: now() });
    if (cache.size > capacity) for (const oldest of cache.keys()) return void cache.delete(oldest);
  };
  return {
    put: async (kind, entities) => {
      const keys = entities.map(({ id }) => keyOf(kind, id));
      await store.apply(
        entities.map(({ fields }, entity) => ({
          key: keys[entity] ?? '',
          value: encoder.encode(JSON.stringify(fields)),
        })),
      );
      entities.forEach(({ fields }, entity) => remember(keys[entity] ?? '', fields));
    },
    read: async (kind, ids) => {
      const found = new Array<Fields | undefined>(ids.length);
      const missing: number[] = [];
      const oldest = now() - maxAgeMs;
      ids.forEach((id, entity) => {
        const cached = cache.get(keyOf(kind, id));
        if (cached !== undefined && cached.readAt >= oldest) found[entity] = cached.fields;
        else missing.push(entity);
      });
      const cachedCount = ids.length - missing.length;
      if (cachedCount > 0) metrics.count('watchnext_entity_reads_total', { kind, source: 'cache' }, cachedCount);
      if (missing.length === 0) return found;
      const keys = missing.map((entity) => keyOf(kind, ids[entity] ?? ''));
      const values = await store.read(keys);
      let absent = 0;
      missing.forEach((entity, index) => {
        const value = values[index];
        const fields = value === undefined ? undefined : parseFields(value, keys[index] ?? '');
        if (fields === undefined) absent++;
        found[entity] = fields;
        remember(keys[index] ?? '', fields);
      });
      if (absent > 0) metrics.count('watchnext_entity_reads_total', { kind, source: 'absent' }, absent);
      if (absent < missing.length)
        metrics.count('watchnext_entity_reads_total', { kind, source: 'store' }, missing.length - absent);
      return found;
    },
  };
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyOf = (kind: EntityKind, id: EntityId): string => `${kind}/${id}`;

const parseFields = (value: Uint8Array, key: string): Fields => {
  try {
    return JSON.parse(decoder.decode(value)) as Fields;
  } catch (cause) {
    throw new WatchnextError('internal', `The stored fields of ${key} cannot be read.`, { cause });
  }
};
