import { createKey, type CreatedKey, type KeyEntry } from '../../src/security/index.js';

let made = 0;
/** A key like no other, the same in every run. */
export const keyOf = (facts: Partial<KeyEntry> = {}): CreatedKey => {
  const number = ++made;
  return createKey({ name: `key-${number}`, roles: ['rank'], ...facts }, (bytes) =>
    Uint8Array.from({ length: bytes }, (_, i) => (number * 31 + i * 7 + bytes) % 256),
  );
};

export const fileOf = (...keys: readonly CreatedKey[]): string =>
  JSON.stringify({ keys: keys.map(({ entry }) => entry) });
export const bearer = ({ key }: CreatedKey) => ({ authorization: `Bearer ${key}` });
