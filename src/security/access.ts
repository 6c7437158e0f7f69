import type { IncomingHttpHeaders } from 'node:http';
import { WatchnextError } from '../errors.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { createNames } from './names.js';
import { followKeys } from './follow.js';
import type { Exceeded, Usage } from './limits.js';
import { createRing, type HeldKey } from './ring.js';
import type { KeyEntry, Need } from './types.js';

/** A request that was let in. */
export interface Admitted {
  /** The name of its key; undefined where none was needed. */
  readonly key: string | undefined;
  /** What its limits leave, as header fields of the answer. */
  headers(): Readonly<Record<string, string>>;
  /** Takes candidates from the key’s limit. Throws `rate_limited`. */
  spend(candidates: number): void;
  /** The answer is sent, or nobody waits for it any more. Once. */
  leave(): void;
}

/** Who may do what. */
export interface Access {
  /** Throws `unauthorized` (no key, or none that counts), `forbidden` (not this key) or `rate_limited`. */
  admit(headers: IncomingHttpHeaders, need: Need): Admitted;
  /** Whether everybody who reaches the service may do it. */
  isOpen(need: Need): boolean;
  close(): Promise<void>;
}

export interface AccessOptions {
  /** Without one, ranking and feedback are open to everybody who reaches the service. */
  readonly keysFile?: string;
  /** A key for administration, as text; beside those of the file, or alone. */
  readonly adminKey?: string;
  /** The address that the service listens on. */
  readonly host: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicNow?: () => number;
  readonly pollMs?: number;
}

/**
 * Reads the keys and follows their file. Without any key for administration it is open only to callers of a service that
 * listens on a loopback address, and among them to no web page (a page sends its Origin, or reaches loopback under another
 * host name). Throws `keys_invalid` for a file that is wrong.
 */
export const openAccess = async (options: AccessOptions): Promise<Access> => {
  const { keysFile, adminKey, host, logger, metrics, now, monotonicNow = () => performance.now(), pollMs } = options;
  const ringOf = (entries: readonly KeyEntry[], before?: ReadonlyMap<string, HeldKey>) =>
    createRing({
      ...{ entries, now: monotonicNow },
      ...(adminKey !== undefined && { adminKey }),
      ...(before !== undefined && { before }),
    });
  let ring = ringOf([]);
  const following =
    keysFile === undefined
      ? undefined
      : await followKeys({
          ...{ file: keysFile, logger },
          ...(pollMs !== undefined && { pollMs }),
          apply: (entries) => (ring = ringOf(entries, ring.held)),
          stale: (isStale) => metrics.set('watchnext_keys_stale', {}, isStale ? 1 : 0),
        });
  const names = createNames();
  const count = (key: string, outcome: string): void =>
    metrics.count('watchnext_key_requests_total', { key: names.label(key), outcome });

  const isOpen = (need: Need): boolean => keysFile === undefined && need !== 'admin';
  metrics.set('watchnext_access_open', {}, isOpen('rank') ? 1 : 0);
  warnOfOpen({ host, open: isOpen('rank'), logger });

  const letIn = ({ entry, usage }: HeldKey): Admitted => {
    const exceeded = usage.enter();
    if (exceeded !== undefined) throw limited(entry, exceeded, usage);
    count(entry.name, 'admitted');
    return {
      key: entry.name,
      headers: () => usage.headers(),
      spend: (candidates) => {
        const over = usage.spend(candidates);
        if (over !== undefined) throw limited(entry, over, usage);
      },
      leave: () => usage.leave(),
    };
  };
  const limited = ({ name }: KeyEntry, { limit, retryAfterMs }: Exceeded, usage: Usage): RateLimited => {
    count(name, `limited_${limit}`);
    return new RateLimited(limit, retryAfterMs, usage.headers());
  };

  return {
    isOpen,
    admit: (headers, need) => {
      if (isOpen(need)) return anybody;
      if (ring.entries.length === 0 && keysFile === undefined) {
        if (isLoopback(host) && isLoopback(hostName(headers.host)) && headers.origin === undefined) return anybody;
        throw refusal('This is closed: the service has no admin key.', {
          message: 'no key is set',
          hint: 'start the service with a keys file (WATCHNEXT_KEYS_FILE) or with WATCHNEXT_ADMIN_KEY',
        });
      }
      const sent = sentKey(headers);
      if (sent === undefined) {
        count(names.nobody, 'missing');
        throw refusal('This needs a key.', { message: 'is missing', hint: 'send "Authorization: Bearer <key>"' });
      }
      const held = ring.find(sent);
      if (held === undefined) {
        count(names.nobody, 'unknown');
        throw refusal('This key is not known.', { message: 'is wrong, or was revoked', hint: 'ask for a new key' });
      }
      const { entry } = held;
      if (held.expiresMs <= now()) {
        count(entry.name, 'expired');
        throw refusal('This key has expired.', { message: 'has expired', hint: 'ask for a new key' });
      }
      if (need !== 'any' && !entry.roles.includes(need)) {
        count(entry.name, 'forbidden');
        throw new WatchnextError('forbidden', 'This key may not do this.', {
          problems: [
            {
              path: 'Authorization',
              message: `the key ${entry.name} has the roles ${entry.roles.join(', ')}`,
              hint: `use a key with the role ${need}`,
            },
          ],
        });
      }
      return letIn(held);
    },
    close: () => following?.close() ?? Promise.resolve(),
  };
};

const anybody: Admitted = { key: undefined, headers: () => ({}), spend: () => {}, leave: () => {} };

/** `rate_limited`, with the fields that say what is left. */
export class RateLimited extends WatchnextError {
  readonly headers: Readonly<Record<string, string>>;
  constructor(limit: Exceeded['limit'], retryAfterMs: number, headers: Readonly<Record<string, string>>) {
    super('rate_limited', `Too much at once: the limit of this key is reached (${limit}).`, {
      problems: [{ path: 'Authorization', message: limitWords[limit], hint: 'wait as long as Retry-After says' }],
      retryAfterMs,
    });
    this.headers = headers;
  }
}

const limitWords: Readonly<Record<Exceeded['limit'], string>> = {
  requests: 'sends more requests per second than it may',
  concurrent: 'has as many requests at the same time as it may',
  candidates: 'has more candidates ranked per second than it may',
};

const refusal = (message: string, problem: { readonly message: string; readonly hint: string }): WatchnextError =>
  new WatchnextError('unauthorized', message, { problems: [{ path: 'Authorization', ...problem }] });

const sentKey = ({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string | undefined => {
  const bearer = authorization?.slice(0, 7).toLowerCase() === 'bearer ' ? authorization.slice(7).trim() : undefined;
  return bearer ?? (typeof key === 'string' ? key : undefined);
};

/** A port, or a bracketed address of version 6 with or without one. */
const hostName = (header = ''): string =>
  header
    .slice(0, 300)
    .replace(/:\d{1,5}$/, '')
    .replace(/^\[|\]$/g, '');
const isLoopback = (host: string): boolean => /^(localhost|::1|127(\.\d{1,3}){3})$/i.test(host);

const warnOfOpen = ({ host, open, logger }: { host: string; open: boolean; logger: Logger }): void => {
  if (!open || isLoopback(host)) return;
  logger.warn(
    { host },
    'OPEN: there are no keys, so whoever reaches this address may rank, send feedback and put items and users; make keys (watchnext key create) and name their file with --keys-file (WATCHNEXT_KEYS_FILE)',
  );
};
