import { createHash } from 'node:crypto';
import { open } from 'lmdb';
import type { FeatureStore } from '../types.js';
import { checkWrites } from './writes.js';

/** LMDB keys end at 1978 bytes; longer ones are stored under their hash. */
const longestKeyBytes = 1900;

/**
 * A store in one LMDB environment (a folder, made if it is not there). One process writes, many may read. A write resolves
 * when it is on disk: LMDB tells "committed" from "flushed", and only the second survives a power cut.
 */
export function openLmdbStore(path: string): FeatureStore {
  const db = open<Uint8Array, string>({ path, encoding: 'binary', noSubdir: false });
  return {
    // What LMDB throws, of a page that is damaged, rejects.
    read: (keys) =>
      new Promise((resolve) =>
        resolve(
          keys.map((key) => {
            // One buffer serves every read and is longer than the value: `length` is set on it, so copy that much at once.
            const shared = db.getBinaryFast(storedKey(key));
            return shared === undefined ? undefined : Uint8Array.prototype.slice.call(shared, 0, shared.length);
          }),
        ),
      ),
    async apply(writes) {
      checkWrites(writes);
      if (writes.length === 0) return;
      await db.transaction(() => {
        for (const { key, value } of writes) {
          if (value === undefined) db.removeSync(storedKey(key));
          else db.putSync(storedKey(key), Buffer.from(value.buffer, value.byteOffset, value.byteLength));
        }
      });
      await db.flushed;
    },
    close: () => db.close(),
  };
}

/** The key itself, or what stands for one that is too long. */
export function storedKey(key: string, longestBytes = longestKeyBytes): string {
  if (Buffer.byteLength(key) <= longestBytes) return key;
  return `${key.slice(0, 32)}#sha256:${createHash('sha256').update(key).digest('hex')}`;
}
