import { digestOf, hashOf, isKey, keyId } from './key.js';
import { createUsage, type Usage } from './limits.js';
import type { KeyEntry } from './types.js';

/** A key that was found, with what it has used. */
export interface HeldKey {
  readonly entry: KeyEntry;
  readonly digest: Buffer;
  readonly expiresMs: number;
  readonly usage: Usage;
}

/** The keys that count now. */
export interface KeyRing {
  /** The key that was sent; undefined for one that is not among them. Expired ones are found too. */
  find(sent: string): HeldKey | undefined;
  readonly entries: readonly KeyEntry[];
}

const nobody = digestOf(hashOf(''));
/** The id of a key that is no key of ours: the text of the setting. */
const adminKeyId = 'setting';

/**
 * The keys of a file, and the one that a setting holds as text. Keys that `before` holds unchanged keep what they have used:
 * reading a file again must not refill anybody's limits.
 */
export const createRing = (options: {
  readonly entries: readonly KeyEntry[];
  readonly adminKey?: string;
  readonly before?: ReadonlyMap<string, HeldKey>;
  readonly now: () => number;
}): KeyRing & { readonly held: ReadonlyMap<string, HeldKey> } => {
  const { entries, adminKey, before, now } = options;
  const hold = (entry: KeyEntry): HeldKey => {
    const earlier = before?.get(entry.id);
    const same = JSON.stringify(earlier?.entry.limits) === JSON.stringify(entry.limits);
    return {
      entry,
      digest: digestOf(entry.hash),
      expiresMs: entry.expires === undefined ? Infinity : Date.parse(entry.expires),
      usage: earlier !== undefined && same ? earlier.usage : createUsage(entry.limits ?? {}, now),
    };
  };
  const all: readonly KeyEntry[] =
    adminKey === undefined
      ? entries
      : [...entries, { id: adminKeyId, name: 'adminKey', roles: ['admin'], hash: hashOf(adminKey) }];
  const held = new Map(all.map((entry) => [entry.id, hold(entry)]));
  return {
    entries: all,
    held,
    find: (sent) => {
      // By the id alone: what a secret is compared with does not depend on the secret.
      const found = held.get(keyId(sent) ?? adminKeyId) ?? held.get(adminKeyId);
      return isKey(sent, found?.digest ?? nobody) ? found : undefined;
    },
  };
};
