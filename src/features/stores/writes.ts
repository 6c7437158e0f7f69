import type { FeatureStore } from '../types.js';

/** Refuses a call as a whole, before anything is written. */
export function checkWrites(writes: Parameters<FeatureStore['apply']>[0]): void {
  for (const { key, value } of writes as readonly { key: unknown; value: unknown }[]) {
    if (typeof key !== 'string' || key === '') throw new TypeError('A key of the feature store is a text, not empty.');
    if (value !== undefined && !(value instanceof Uint8Array)) throw new TypeError(`The value of ${key} is not bytes.`);
  }
}
