import type { Redis as Connection, RedisOptions } from 'ioredis';
import { WatchnextError } from '../../errors.js';
import type { Logger, Metrics } from '../../telemetry/index.js';
import type { FeatureStore } from '../types.js';
import { CallFailed, createBreaker } from './breaker.js';
import { checkWrites } from './writes.js';

export interface RedisStoreOptions {
  /** redis://[user[:password]@]host[:port][/database], rediss:// for TLS. */
  readonly url: string;
  /** Put before every key. */
  readonly prefix?: string;
  /** Of a read. */
  readonly timeoutMs?: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Thousands of writes are one call, and nobody's ranking waits for it. */
const applyTimeoutMs = 2000;
const connectTimeoutMs = 200;
/** A connection that is silent for so long while something is asked is given up: what dropped it may never say so. */
const silenceMs = 2000;
const reconnectMostMs = 1000;
/** How long opening waits for the first answer. */
const patienceMs = 1000;
const retryAfterMs = 1000;

/**
 * A store in one Redis, for any number of replicas. A read that takes longer than `timeoutMs`, or finds Redis away, rejects
 * with store_unavailable; after a few of them reads and writes do so at once, until Redis answers again in the background.
 * A write is one MULTI/EXEC: all or none; one that rejects may have been done. It is as durable as Redis is set up to be.
 *
 * Resolves also while Redis is away, after waiting a second for it. Throws settings_invalid for a URL that is none.
 */
export const openRedisStore = async (options: RedisStoreOptions): Promise<FeatureStore> => {
  const { url, prefix = '', timeoutMs = 20, metrics, logger } = options;
  const { where, ...address } = parseRedisUrl(url);
  // Its client takes a tenth of a second to load: only who uses Redis waits for it.
  const { Redis } = await import('ioredis');
  const redis = new Redis({ ...address, ...failFast });
  const closedByPeer = 'the connection was closed';
  let said = closedByPeer;
  const breaker = createBreaker({
    probe: () => (redis.status === 'ready' ? redis.ping() : Promise.reject(new Error(said))),
    probeTimeoutMs: timeoutMs,
    onOutcome: (outcome) => metrics.count('watchnext_store_requests_total', { outcome }),
    onAway: (reason) =>
      logger.error({ redis: where, reason }, 'the store is away: rankings use what memory holds, writes are refused'),
    onBack: (awayMs) => logger.info({ redis: where, awayMs: Math.round(awayMs) }, 'the store answers'),
  });
  metrics.beforeScrape(() => metrics.set('watchnext_store_available', {}, breaker.isAvailable ? 1 : 0));
  redis.on('error', (error: Error & { code?: string }) => (said = error.message || (error.code ?? 'failed')));
  redis.on('close', () => breaker.trip(said));
  const firstAnswer = new Promise<void>((resolve) => {
    redis.on('ready', () => {
      said = closedByPeer;
      void breaker.probe().then((answers) => answers && resolve());
    });
  });
  await atMost(patienceMs, firstAnswer);
  if (!breaker.isAvailable) {
    logger.error({ redis: where, reason: said }, 'the store is away: it is waited for in the background');
    void breaker.probe();
  }

  const call = async <T>(work: () => Promise<T>, patience: number): Promise<T> => {
    try {
      return await breaker.call(work, patience);
    } catch (error) {
      throw error instanceof CallFailed ? unavailable(error) : error;
    }
  };
  return {
    read: async (keys) => {
      if (keys.length === 0) return [];
      const values = await call(() => redis.mgetBuffer(keys.map((key) => prefix + key)), timeoutMs);
      return values.map((value) => value ?? undefined);
    },
    apply: async (writes) => {
      checkWrites(writes);
      if (writes.length === 0) return;
      const refusal = await call(() => applyAll(redis, writes, prefix), applyTimeoutMs);
      if (refusal !== undefined) throw unavailable(new CallFailed('failed', refusal));
    },
    close: () => {
      breaker.close();
      redis.disconnect();
      return Promise.resolve();
    },
  };
};

/** Nothing waits in a queue for a connection, and nothing is sent again by itself on the next one. */
const failFast = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: connectTimeoutMs,
  socketTimeout: silenceMs,
  disconnectTimeout: connectTimeoutMs,
  retryStrategy: (times) => Math.min(50 * 2 ** (times - 1), reconnectMostMs),
  // After a failover this may be connected to what has become a replica.
  reconnectOnError: ({ message }) => message.startsWith('READONLY'),
} satisfies RedisOptions;

/** The last write of a key counts. Answers why Redis, which is there, did not do it: out of memory, no permission. */
const applyAll = async (
  redis: Connection,
  writes: Parameters<FeatureStore['apply']>[0],
  prefix: string,
): Promise<string | undefined> => {
  const last = new Map(writes.map(({ key, value }) => [prefix + key, value]));
  const put: (string | Buffer)[] = [];
  const removed: string[] = [];
  for (const [key, value] of last) {
    if (value === undefined) removed.push(key);
    else put.push(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }
  const transaction = redis.multi();
  if (put.length > 0) transaction.mset(put);
  if (removed.length > 0) transaction.del(removed);
  try {
    const results = await transaction.exec();
    return results?.find(([error]) => error !== null)?.[0]?.message;
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return (error as Error).message;
    throw error;
  }
};

const unavailable = ({ message, outcome }: CallFailed): WatchnextError =>
  new WatchnextError('store_unavailable', 'The store of items and users does not answer.', {
    problems: [
      {
        path: 'store',
        message,
        hint:
          outcome === 'skipped'
            ? 'nothing was written; send the same again later'
            : 'a write was done as a whole or not at all; send the same again later',
      },
    ],
    retryAfterMs,
  });

const atMost = (ms: number, wait: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  return Promise.race([wait, late]).finally(() => clearTimeout(timer));
};

/** What to connect to, and as `where` how to call it without its password. Says nothing of the URL itself when it is wrong. */
const parseRedisUrl = (url: string) => {
  try {
    const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
    if (!/^rediss?:$/.test(protocol) || hostname === '' || search + hash !== '' || !/^(\/\d*)?$/.test(pathname))
      throw new TypeError('not Redis');
    const host = hostname.replace(/^\[|\]$/g, '');
    return {
      host,
      port: port === '' ? 6379 : Number(port),
      db: Number(pathname.slice(1)),
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
      where: `${host}:${port === '' ? 6379 : port}`,
    };
  } catch {
    throw new WatchnextError('settings_invalid', 'The URL of Redis cannot be understood.', {
      problems: [
        {
          path: 'redisUrl',
          message: 'is not redis://[user:password@]host[:port][/database]',
          hint: 'write characters like @, / and # in a password as %40, %2F and %23',
        },
      ],
    });
  }
};
