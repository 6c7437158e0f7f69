import type { FeatureStore } from '../types.js';
import { checkWrites } from './writes.js';

/** A store that lives and dies with the process. Values are copied in and out. */
export function createMemoryStore(): FeatureStore {
  const values = new Map<string, Uint8Array>();
  return {
    read: (keys) => Promise.resolve(keys.map((key) => values.get(key)?.slice())),
    apply(writes) {
      return new Promise((resolve) => {
        checkWrites(writes);
        for (const { key, value } of writes) {
          if (value === undefined) values.delete(key);
          else values.set(key, Uint8Array.from(value));
        }
        resolve();
      });
    },
    close() {
      values.clear();
      return Promise.resolve();
    },
  };
}
