import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyEntry } from './types.js';

/**
 * A key reads `wn_<id>_<secret>`: 12 hex digits that find its entry, and 256 random bits as base64url. Its digest is a plain
 * SHA-256: what is random over 256 bits cannot be guessed from a fast hash either, and a slow one would cost every request.
 */
const pattern = /^wn_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** The longest text that is looked at as a key. */
const longestKey = 512;

export interface CreatedKey {
  /** To be shown once; it is kept nowhere. */
  readonly key: string;
  readonly entry: KeyEntry;
}

/** Makes a key and what is kept of it. `random` answers that many random bytes. */
export const createKey = (
  facts: Omit<KeyEntry, 'id' | 'hash'>,
  random: (bytes: number) => Uint8Array = randomBytes,
): CreatedKey => {
  const id = Buffer.from(random(6)).toString('hex');
  const key = `wn_${id}_${Buffer.from(random(32)).toString('base64url')}`;
  return { key, entry: { id, ...facts, hash: hashOf(key) } };
};

/** The id that a key of ours names; undefined for any other text. */
export const keyId = (key: string): string | undefined => pattern.exec(key)?.[1];

const prefix = 'sha256:';
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export const hashOf = (key: string): string => `${prefix}${digest(key).toString('hex')}`;

/** What is kept of a key, ready to be compared with. */
export const digestOf = (hash: string): Buffer => Buffer.from(hash.slice(prefix.length), 'hex');

/** Whether it is the key of this digest; takes the same time whatever was sent. */
export const isKey = (sent: string, expected: Buffer): boolean =>
  timingSafeEqual(digest(sent.length > longestKey ? '' : sent), expected);
