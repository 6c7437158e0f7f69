import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../../cli/free-port.js';
import { openRedisStore, type FeatureStore, type RedisStoreOptions } from '../../src/features/index.js';
import { createMetrics, type Logger, type Metrics } from '../../src/telemetry/index.js';
import { certificateOf } from '../security/certificate.js';
import { redisUnderTest } from './redis-server.js';

const run = promisify(execFile);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const password = 'a/b@c d';
const redis = await redisUnderTest();
const guarded = redis && (await redisUnderTest({ more: ['--requirepass', password] }));
const servers = [redis, guarded];
const withRedis = redis === undefined ? describe.skip : describe;

interface Opened {
  readonly store: FeatureStore;
  readonly metrics: Metrics;
  readonly lines: string[];
}
const stores: FeatureStore[] = [];
const open = async (options: Partial<RedisStoreOptions> & { readonly url: string }): Promise<Opened> => {
  const metrics = createMetrics();
  const lines: string[] = [];
  const line = (fields: object, message: string): void => void lines.push(`${JSON.stringify(fields)} ${message}`);
  const logger: Logger = { debug: line, info: line, warn: line, error: line };
  const store = await openRedisStore({ metrics, logger, timeoutMs: 100, ...options });
  stores.push(store);
  return { store, metrics, lines };
};
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});
afterAll(async () => {
  for (const server of servers) await server?.stop();
});

const refusalOf = (call: Promise<unknown>): Promise<{ code: string; retryAfterMs: number }> =>
  call.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => error as { code: string; retryAfterMs: number },
  );
/** How long until a read works, asking all the time; fails after 10 s. */
const untilItReads = async (store: FeatureStore): Promise<number> => {
  const began = performance.now();
  for (;;) {
    const isRead = await store.read(['a']).then(
      () => true,
      () => false,
    );
    const tookMs = performance.now() - began;
    if (isRead) return tookMs;
    if (tookMs > 10_000) throw new Error('it does not recover');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const available = async (metrics: Metrics): Promise<string | undefined> =>
  /^watchnext_store_available (\d)/m.exec(await metrics.scrape())?.[1];
const outcomes = async (metrics: Metrics): Promise<Record<string, number>> =>
  Object.fromEntries<number>(
    [...(await metrics.scrape()).matchAll(/^watchnext_store_requests_total\{outcome="(\w+)"\} (\d+)/gm)].map(
      ([, outcome = '', count]) => [outcome, Number(count)],
    ),
  );

withRedis('the Redis store', () => {
  beforeEach(async () => {
    const { store } = await open({ url: redis!.url });
    await store.apply([{ key: 'a', value: bytes('1') }]);
  });

  test('keeps what has another prefix, or lies in another database, apart', async () => {
    const [first, second] = [await open({ url: redis!.url, prefix: 'x/' }), await open({ url: `${redis!.url}/3` })];
    await first.store.apply([{ key: 'b', value: bytes('x') }]);
    expect(await second.store.read(['a', 'b', 'x/b'])).toEqual([undefined, undefined, undefined]);
    const { store } = await open({ url: redis!.url });
    expect((await store.read(['x/b'])).map((value) => new TextDecoder().decode(value))).toEqual(['x']);
  });

  test('while Redis hangs waits a few times, then not at all, and recovers by itself', async () => {
    const { store, metrics, lines } = await open({ url: redis!.url });
    expect(await available(metrics)).toBe('1');
    process.kill(redis!.pid(), 'SIGSTOP');
    try {
      for (let i = 0; i < 3; i++) expect((await refusalOf(store.read(['a']))).code).toBe('store_unavailable');
      const began = performance.now();
      for (let i = 0; i < 500; i++) await refusalOf(store.read(['a']));
      expect((performance.now() - began) / 500).toBeLessThan(5);
      const refusal = await refusalOf(store.apply([{ key: 'a', value: bytes('2') }]));
      expect(refusal).toMatchObject({ code: 'store_unavailable', status: 503, retriable: true, retryAfterMs: 1000 });
      expect(await available(metrics)).toBe('0');
      expect(await outcomes(metrics)).toEqual({ timeout: 3, skipped: 501 });
    } finally {
      process.kill(redis!.pid(), 'SIGCONT');
    }
    expect(await untilItReads(store)).toBeLessThan(3000);
    expect(await available(metrics)).toBe('1');
    expect(new TextDecoder().decode((await store.read(['a']))[0])).toBe('1');
    expect(lines.filter((line) => line.includes('is away'))).toHaveLength(1);
  }, 20_000);

  test('while answers come too late is as one that is away, and is back as soon as they come in time', async () => {
    const path = { delayMs: 0 };
    const port = Number(new URL(redis!.url).port);
    const sockets: Socket[] = [];
    const slow = createServer((client) => {
      const server = connect(port, '127.0.0.1');
      sockets.push(
        client.on('error', () => undefined),
        server.on('error', () => undefined),
      );
      client.pipe(server);
      server.on('data', (bytes) => setTimeout(() => client.write(bytes), path.delayMs));
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    try {
      const url = `redis://127.0.0.1:${(slow.address() as AddressInfo).port}`;
      const { store, metrics } = await open({ url, timeoutMs: 100 });
      expect(await available(metrics)).toBe('1');
      path.delayMs = 400;
      const began = performance.now();
      for (let i = 0; i < 200; i++) await refusalOf(store.read(['a']));
      // Three timeouts of 100 ms, not two hundred.
      expect(performance.now() - began).toBeLessThan(5000);
      expect(await available(metrics)).toBe('0');
      path.delayMs = 0;
      expect(await untilItReads(store)).toBeLessThan(5000);
    } finally {
      for (const socket of sockets) socket.destroy();
      slow.close();
    }
  }, 20_000);

  test('is refused at once while Redis is gone, nothing is written, and it is back after a restart', async () => {
    const { store, metrics } = await open({ url: redis!.url });
    await store.read(['a']);
    await redis!.kill();
    const began = performance.now();
    for (let i = 0; i < 200; i++) {
      await refusalOf(store.read(['a']));
      await refusalOf(store.apply([{ key: 'a', value: bytes('lost') }]));
    }
    expect((performance.now() - began) / 400).toBeLessThan(5);
    expect(await available(metrics)).toBe('0');
    await redis!.restart();
    expect(await untilItReads(store)).toBeLessThan(5000);
    // Nothing that was refused is sent later: what was durable before is what is there.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(new TextDecoder().decode((await store.read(['a']))[0])).toBe('1');
  }, 30_000);

  test('opens while Redis is away, and serves when it comes', async () => {
    await redis!.kill();
    const began = performance.now();
    const { store, lines } = await open({ url: redis!.url });
    expect(performance.now() - began).toBeLessThan(3000);
    expect((await refusalOf(store.read(['a']))).code).toBe('store_unavailable');
    expect(lines.join()).toContain('ECONNREFUSED');
    await redis!.restart();
    expect(await untilItReads(store)).toBeLessThan(5000);
  }, 30_000);

  test('a write that Redis refuses changes nothing, and does not make it unavailable', async () => {
    const full = await redisUnderTest({ more: ['--maxmemory', '1mb', '--maxmemory-policy', 'noeviction'] });
    if (full === undefined) return;
    servers.push(full);
    const { store, metrics } = await open({ url: full.url });
    const large = { key: 'large', value: new Uint8Array(2_000_000) };
    let refusal: { code: string } | undefined;
    for (let i = 0; i < 5; i++)
      refusal = await store.apply([{ ...large, key: `large${i}` }]).then(
        () => undefined,
        (error: unknown) => error as { code: string },
      );
    expect(refusal).toMatchObject({
      code: 'store_unavailable',
      problems: [{ message: expect.stringMatching(/OOM|EXECABORT/) }],
    });
    expect(await store.read(['large4'])).toEqual([undefined]);
    expect(await available(metrics)).toBe('1');
  }, 20_000);
});

withRedis('over TLS', () => {
  test('Redis is used where its certificate is trusted, and not where it is not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'watchnext-redis-tls-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const made = certificateOf('redis');
    await Promise.all([writeFile(key, made.key), writeFile(certificate, made.cert)]);
    const port = await freePort();
    const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key];
    const server = await redisUnderTest({ more: [...tls, '--tls-auth-clients', 'no'] });
    if (server === undefined) {
      process.stderr.write('SKIPPED, NO REDIS WITH TLS: the server was built without\n');
      await rm(folder, { recursive: true });
      return;
    }
    servers.push(server);
    const ask = async (env: Record<string, string>): Promise<string> => {
      const args = ['--import', './test/typescript/register.js', 'test/features/redis-process.ts'];
      const child = [...args, `rediss://127.0.0.1:${port}`];
      return (await run(process.execPath, child, { env: { ...process.env, NODE_OPTIONS: '', ...env } })).stdout;
    };
    expect(await ask({ NODE_EXTRA_CA_CERTS: certificate })).toBe('over TLS');
    expect(await ask({})).toMatch(/store_unavailable.*self-signed certificate/);
    await rm(folder, { recursive: true });
  }, 30_000);
});

withRedis('a Redis with a password', () => {
  const url = (sent: string): string => guarded!.url.replace('redis://', `redis://:${encodeURIComponent(sent)}@`);

  test('is signed in to', async () => {
    const { store, lines } = await open({ url: url(password) });
    await store.apply([{ key: 'a', value: bytes('1') }]);
    expect((await store.read(['a']))[0]).toHaveLength(1);
    expect(lines.join()).not.toContain(password);
  });

  test('that is another one says so, without naming it', async () => {
    const { store, lines } = await open({ url: url('not-the-password') });
    const refusal = await refusalOf(store.read(['a']));
    expect(JSON.stringify(refusal)).toContain('WRONGPASS');
    expect(lines.join()).toContain('WRONGPASS');
    expect(lines.join() + JSON.stringify(refusal)).not.toContain('not-the-password');
  });
});

describe('a server that takes connections and never answers', () => {
  test('costs opening a second and requests nothing', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const began = performance.now();
    const { store, metrics } = await open({ url: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}` });
    expect(performance.now() - began).toBeLessThan(3000);
    const asked = performance.now();
    for (let i = 0; i < 100; i++) await refusalOf(store.read(['a']));
    expect((performance.now() - asked) / 100).toBeLessThan(5);
    expect(await outcomes(metrics)).toEqual({ skipped: 100 });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  }, 15_000);
});

test.each([
  ['not a URL', 'redis'],
  ['another scheme', 'http://:secret@localhost'],
  ['a port that is none', 'redis://:secret@localhost:99999'],
  ['a database that is none', 'redis://:secret@localhost/users'],
  ['an escape that is none', 'redis://:secret%ff@localhost'],
  ['options of a client', 'redis://:secret@localhost?enableOfflineQueue=true'],
])('a URL with %s is refused without being repeated', async (_, url) => {
  const refusal = await open({ url }).catch((error: unknown) => error as { code: string });
  expect(refusal).toMatchObject({ code: 'settings_invalid', problems: [{ path: 'redisUrl' }] });
  expect(JSON.stringify(refusal)).not.toContain('secret');
});
