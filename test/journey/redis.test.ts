import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../cli/free-port.js';
import { openArtifacts } from '../../src/artifact/index.js';
import { startServer } from '../../src/server.js';
import { readSettings, type Settings } from '../../src/settings.js';
import type { Logger } from '../../src/telemetry/index.js';
import { redisUnderTest } from '../features/redis-server.js';
import { sealShelf } from '../inference/shelf-model.js';
import { until } from '../until.js';

let models = '';
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'watchnext-redis-models-'));
  const version = await sealShelf(models);
  await openArtifacts(models).activate('shelf', version);
});
afterAll(() => rm(models, { recursive: true }));

const lines: string[] = [];
const line = (fields: object, message: string): void => void lines.push(`${JSON.stringify(fields)} ${message}`);
const logger: Logger = { debug: line, info: line, warn: line, error: line };
const settingsOf = (redisUrl: string): Settings =>
  readSettings(
    { WATCHNEXT_REDIS_URL: redisUrl },
    { models, port: 0, log: 'off', storeCacheAgeMs: 0, redisTimeoutMs: 500 },
  );

test('a service whose Redis is away starts, ranks without what is stored, and takes part when Redis comes', async () => {
  const port = await freePort();
  const server = await startServer(settingsOf(`redis://:secret-word@127.0.0.1:${port}`), { logger, signals: false });
  const ask = async (method: string, path: string, body: unknown): Promise<Response> =>
    fetch(server.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const rank = async (): Promise<{ degraded?: string[]; items: { id: string }[] }> =>
    (await (
      await ask('POST', '/v1/rank', {
        user: { id: 'u', taste: 1 },
        candidates: [{ id: 'low' }, { id: 'high' }, { id: 'sent', quality: 2 }],
      })
    ).json()) as { degraded?: string[]; items: { id: string }[] };
  const put = [
    { id: 'low', quality: 1 },
    { id: 'high', quality: 3 },
  ];
  try {
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    const away = await rank();
    expect(away.degraded).toEqual(['store']);
    expect(away.items).toHaveLength(3);
    const refused = await ask('PUT', '/v1/items', put);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);

    const redis = await redisUnderTest({ port, more: ['--requirepass', 'secret-word'] });
    if (redis === undefined) return;
    try {
      const of = { hasEnded: false, output: () => lines.join('\n') };
      await until(async () => (await ask('PUT', '/v1/items', put)).status === 200, { timeoutMs: 10_000, of });
      const back = await rank();
      expect(back.degraded).toBeUndefined();
      expect(back.items.map(({ id }) => id)).toEqual(['high', 'sent', 'low']);
    } finally {
      await redis.stop();
    }
  } finally {
    await server.close();
  }
  expect(lines.join()).toContain('the store is away');
  expect(lines.join()).not.toContain('secret-word');
}, 240_000);

test('a service does not start with a URL that cannot be one of Redis', async () => {
  const settings = { ...settingsOf('redis://127.0.0.1'), redisUrl: 'redis://:secret-word%ff@127.0.0.1' };
  await expect(startServer(settings, { logger, signals: false })).rejects.toMatchObject({
    code: 'settings_invalid',
    problems: [{ path: 'redisUrl' }],
  });
  expect(lines.join()).not.toContain('secret-word');
}, 240_000);
