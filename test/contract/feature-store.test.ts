import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { createMemoryStore, openLmdbStore, openRedisStore, type FeatureStore } from '../../src/features/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { redisUnderTest } from '../features/redis-server.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

const folders: string[] = [];
const stores: FeatureStore[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
const keep = (store: FeatureStore): FeatureStore => {
  stores.push(store);
  return store;
};
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'watchnext-store-'));
  folders.push(folder);
  return folder;
};

const redis = await redisUnderTest();
afterAll(() => redis?.stop());
let prefixes = 0;
/** Each store of a test begins empty. */
const openRedis = (url: string): Promise<FeatureStore> =>
  openRedisStore({
    ...{ url, prefix: `contract-${prefixes++}/`, metrics: createMetrics(), logger: silentLogger },
    timeoutMs: 2000, // what the store answers is asked here, not how fast a busy machine is
  });

describe.each<[string, () => FeatureStore | Promise<FeatureStore>]>([
  ['memory', () => createMemoryStore()],
  ['lmdb', () => openLmdbStore(newFolder())],
  ...(redis === undefined ? [] : [['redis', () => openRedis(redis.url)] satisfies [string, unknown]]),
])('the %s feature store', (_, open) => {
  test('answers values in the order asked, undefined where nothing is stored', async () => {
    const store = keep(await open());
    await store.apply(['a', 'b', 'c'].map((key) => ({ key, value: bytes(`value of ${key}`) })));
    const values = await store.read(['c', 'nothing', 'a', 'c']);
    expect(values.map(text)).toEqual(['value of c', undefined, 'value of a', 'value of c']);
    expect(await store.read([])).toEqual([]);
  });

  test('overwrites and deletes; the last write of a key counts', async () => {
    const store = keep(await open());
    await store.apply([
      { key: 'a', value: bytes('1') },
      { key: 'a', value: bytes('2') },
      { key: 'b', value: bytes('3') },
    ]);
    await store.apply([
      { key: 'b', value: undefined },
      { key: 'never', value: undefined },
    ]);
    expect((await store.read(['a', 'b', 'never'])).map(text)).toEqual(['2', undefined, undefined]);
  });

  test('keeps empty values, any bytes, and keys of any length and script', async () => {
    const store = keep(await open());
    const every = Uint8Array.from({ length: 256 }, (_value, i) => i);
    const long = (end: string): string => `${'k'.repeat(5000)}${end}`;
    await store.apply([
      { key: 'item/empty', value: new Uint8Array(0) },
      { key: 'item/Größe 🎬', value: every },
      { key: long('1'), value: bytes('one') },
      { key: long('2'), value: bytes('two') },
      { key: '__proto__', value: bytes('safe') },
    ]);
    const [empty, all, ...rest] = await store.read(['item/empty', 'item/Größe 🎬', long('1'), long('2'), '__proto__']);
    expect(empty?.length).toBe(0);
    expect([...all!]).toEqual([...every]);
    expect(rest.map(text)).toEqual(['one', 'two', 'safe']);
  });

  test('applies all writes of a call or none', async () => {
    const store = keep(await open());
    await store.apply([{ key: 'a', value: bytes('before') }]);
    const broken = { key: 'b', value: 'not bytes' as unknown as Uint8Array };
    await expect(store.apply([{ key: 'a', value: bytes('after') }, broken])).rejects.toThrow();
    expect((await store.read(['a', 'b'])).map(text)).toEqual(['before', undefined]);
  });

  test('shares no memory with its callers', async () => {
    const store = keep(await open());
    const written = bytes('written');
    await store.apply([{ key: 'a', value: written }]);
    written.fill(0);
    const [first] = await store.read(['a']);
    first!.fill(0);
    await store.apply([{ key: 'b', value: bytes('other') }]);
    expect((await store.read(['a', 'b'])).map(text)).toEqual(['written', 'other']);
  });

  test('answers many reads at once beside writes, each value whole', async () => {
    const store = keep(await open());
    const keys = Array.from({ length: 50 }, (_value, i) => `key${i}`);
    const version = (n: number): { key: string; value: Uint8Array }[] =>
      keys.map((key) => ({ key, value: bytes(`${n}:${key}`.padEnd(20 + n * 30, '.')) }));
    await store.apply(version(0));
    const writes = [1, 2, 3, 4].map((n) => store.apply(version(n)));
    const reads = await Promise.all(Array.from({ length: 40 }, () => store.read(keys)));
    await Promise.all(writes);
    for (const values of reads) {
      const versions = new Set(values.map((value) => text(value)!.split(':')[0]));
      expect(versions.size).toBe(1);
      values.forEach((value, i) => expect(text(value)).toContain(`:${keys[i]}`));
    }
    expect(text((await store.read(['key7']))[0])).toMatch(/^4:key7\.+$/);
  });
});

test('what the lmdb store has applied is there when it is opened again', async () => {
  const folder = newFolder();
  const first = openLmdbStore(folder);
  await first.apply([{ key: 'user/1', value: bytes('{"age":30}') }]);
  await first.close();
  const again = keep(openLmdbStore(folder));
  expect((await again.read(['user/1'])).map(text)).toEqual(['{"age":30}']);
});

test('what LMDB cannot read rejects: nobody who reads must expect to be thrown at', async () => {
  const store = openLmdbStore(newFolder());
  await store.close();
  const reading = store.read(['user/1']);
  await expect(reading).rejects.toThrow();
});
