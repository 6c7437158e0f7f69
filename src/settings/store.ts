import { Type } from '@sinclair/typebox';

/** Where the fields of items and users live, and how much of them is kept in memory. */
export const storeSettings = {
  store: Type.String({
    minLength: 1,
    default: '.cache/store',
    description: 'folder of the embedded store of item and user fields; one service writes it',
  }),
  redisUrl: Type.Optional(
    Type.String({
      pattern: '^rediss?://([^\\s@/?#]*@)?([^\\s@/?#:\\[\\]]+|\\[[0-9a-fA-F:.]+\\])(:\\d{1,5})?(/\\d{1,4})?$',
      description:
        'Redis in place of the folder, for several replicas: redis://[user:password@]host[:port][/database], rediss:// for TLS',
      secret: true,
    }),
  ),
  redisPrefix: Type.String({
    pattern: '^[^\\s]{0,200}$',
    default: 'watchnext/',
    description: 'put before every key in Redis; replicas that share their items and users have the same',
  }),
  redisTimeoutMs: Type.Integer({
    minimum: 1,
    maximum: 10000,
    default: 20,
    description: 'after this long without an answer of Redis a ranking goes on with what memory holds',
  }),
  storeCacheEntries: Type.Integer({
    minimum: 0,
    maximum: 100_000_000,
    default: 100_000,
    description: 'items and users whose fields are kept in memory; they also answer while Redis is away',
  }),
  storeCacheAgeMs: Type.Integer({
    minimum: 0,
    maximum: 86_400_000,
    default: 10_000,
    description: 'after this long they are read again: how late a replica may see what another was told',
  }),
};
