import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WatchnextError } from '../../src/errors.js';
import { openAccess, type Access, type AccessOptions, type CreatedKey, type Need } from '../../src/security/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { bearer, fileOf, keyOf } from './builders.js';
import { until } from '../until.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'watchnext-access-'))));
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
const written = async (...keys: readonly CreatedKey[]): Promise<string> => {
  const file = join(folder, `${++files}.json`);
  await writeFile(file, fileOf(...keys));
  return file;
};
const opened = (options: Partial<AccessOptions> = {}): Promise<Access> =>
  openAccess({
    host: '127.0.0.1',
    logger: silentLogger,
    metrics: createMetrics(),
    now: Date.now,
    pollMs: 5,
    ...options,
  });

const local = { host: 'localhost:8080' };
const outcome = (access: Access, headers: Record<string, string>, need: Need = 'rank'): string => {
  try {
    access.admit({ ...local, ...headers }, need).leave();
    return 'admitted';
  } catch (error) {
    return (error as WatchnextError).code;
  }
};

describe('without keys', () => {
  test('ranking and feedback are open, administration is to programs on this machine', async () => {
    const access = await opened();
    expect(outcome(access, {})).toBe('admitted');
    expect(outcome(access, {}, 'feedback')).toBe('admitted');
    expect(outcome(access, {}, 'admin')).toBe('admitted');
    expect(outcome(access, { host: 'evil.example' }, 'admin')).toBe('unauthorized');
    expect(outcome(access, { origin: 'http://evil.example' }, 'admin')).toBe('unauthorized');
    expect(access.isOpen('rank')).toBe(true);
  });

  test('an address that others reach is warned of, and administration is closed', async () => {
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warned.push(message) };
    const access = await opened({ host: '0.0.0.0', logger });
    expect(warned).toEqual([expect.stringMatching(/^OPEN: there are no keys.*--keys-file/)]);
    expect(outcome(access, {})).toBe('admitted');
    expect(outcome(access, {}, 'admin')).toBe('unauthorized');
  });

  test('the admin key of a setting is for administration alone', async () => {
    const access = await opened({ adminKey: 'a-long-admin-key', host: '0.0.0.0' });
    const sent = { authorization: 'Bearer a-long-admin-key' };
    expect(outcome(access, sent, 'admin')).toBe('admitted');
    expect(outcome(access, { 'x-api-key': 'a-long-admin-key' }, 'admin')).toBe('admitted');
    expect(outcome(access, { authorization: 'Bearer a-long-admin-kez' }, 'admin')).toBe('unauthorized');
    expect(outcome(access, {}, 'admin')).toBe('unauthorized');
    expect(outcome(access, {})).toBe('admitted');
  });
});

describe('with a keys file', () => {
  test('a key may do what its roles say, and no role implies another', async () => {
    const [ranks, tells, rules] = [keyOf(), keyOf({ roles: ['feedback'] }), keyOf({ roles: ['admin'] })];
    const access = await opened({ keysFile: await written(ranks, tells, rules) });
    const table = [ranks, tells, rules].map((key) =>
      (['rank', 'feedback', 'admin', 'any'] as const).map((need) => outcome(access, bearer(key), need)),
    );
    const [yes, no] = ['admitted', 'forbidden'];
    expect(table).toEqual([
      [yes, no, no, yes],
      [no, yes, no, yes],
      [no, no, yes, yes],
    ]);
    expect(outcome(access, {})).toBe('unauthorized');
    expect(access.isOpen('rank')).toBe(false);
    await access.close();
  });

  test('what is nearly a key is none', async () => {
    const made = keyOf();
    const other = keyOf();
    const access = await opened({ keysFile: await written(made, other), adminKey: 'a-long-admin-key' });
    const { key } = made;
    for (const sent of [
      '',
      ' ',
      key.slice(0, -1),
      `${key}x`,
      key.toUpperCase(),
      key.slice(0, 16),
      key.slice(0, 15) + other.key.slice(15),
      made.entry.hash,
      made.entry.id,
      'x'.repeat(16_000),
      '__proto__',
      'wn___proto_____x',
    ])
      expect([sent, outcome(access, { authorization: `Bearer ${sent}` })]).toEqual([sent, 'unauthorized']);
    expect(outcome(access, { authorization: `Basic ${key}` })).toBe('unauthorized');
    expect(outcome(access, { authorization: `bEaReR   ${key}` })).toBe('admitted');
    await access.close();
  });

  test('an empty file opens nothing', async () => {
    const access = await opened({ keysFile: await written() });
    expect([outcome(access, {}), outcome(access, {}, 'admin')]).toEqual(['unauthorized', 'unauthorized']);
    await access.close();
  });

  test('a key ends when it expires', async () => {
    const made = keyOf({ expires: '2030-01-01T00:00:00Z' });
    let now = Date.UTC(2029, 11, 31, 23, 59, 59, 999);
    const access = await opened({ keysFile: await written(made), now: () => now });
    expect(outcome(access, bearer(made))).toBe('admitted');
    now++;
    expect(outcome(access, bearer(made))).toBe('unauthorized');
    await access.close();
  });

  test('keys come and go while it runs, and a broken file changes nothing', async () => {
    const [one, two] = [keyOf(), keyOf()];
    const file = await written(one);
    const replace = async (text: string): Promise<void> => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    const errors: object[] = [];
    const metrics = createMetrics();
    const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
    const access = await opened({ keysFile: file, logger, metrics });
    expect([outcome(access, bearer(one)), outcome(access, bearer(two))]).toEqual(['admitted', 'unauthorized']);
    await replace(fileOf(one, two));
    await until(() => outcome(access, bearer(two)) === 'admitted');
    await replace('{"keys": 7}');
    await until(() => errors.length > 0);
    expect([outcome(access, bearer(one)), outcome(access, bearer(two))]).toEqual(['admitted', 'admitted']);
    expect(await metrics.scrape()).toContain('watchnext_keys_stale 1');
    await rm(file);
    await until(() => errors.length > 1);
    expect(outcome(access, bearer(one))).toBe('admitted');
    await replace(fileOf(two));
    await until(() => outcome(access, bearer(one)) === 'unauthorized');
    expect(await metrics.scrape()).toContain('watchnext_keys_stale 0');
    expect(errors).toHaveLength(2);
    await access.close();
  });

  test('reading the file again refills no limit', async () => {
    const limits = { requestsPerSecond: 0.001, burst: 1 };
    const [limited, other] = [keyOf({ limits }), keyOf()];
    const file = await written(limited);
    const access = await opened({ keysFile: file });
    expect([outcome(access, bearer(limited)), outcome(access, bearer(limited))]).toEqual(['admitted', 'rate_limited']);
    await writeFile(file, fileOf(limited, other));
    await until(() => outcome(access, bearer(other)) === 'admitted');
    expect(outcome(access, bearer(limited))).toBe('rate_limited');
    await access.close();
  });

  test('places are freed when requests are answered', async () => {
    const made = keyOf({ limits: { concurrent: 1 } });
    const access = await opened({ keysFile: await written(made) });
    const inside = access.admit(bearer(made), 'rank');
    expect(outcome(access, bearer(made))).toBe('rate_limited');
    inside.leave();
    expect(outcome(access, bearer(made))).toBe('admitted');
    await access.close();
  });

  test('a file that is wrong at the start stops it', async () => {
    await expect(opened({ keysFile: join(folder, 'none.json') })).rejects.toMatchObject({ code: 'keys_invalid' });
  });

  test('metrics name twenty keys, and the rest together', async () => {
    const many = Array.from({ length: 30 }, () => keyOf());
    const metrics = createMetrics();
    const access = await opened({ keysFile: await written(...many), metrics });
    for (const each of many) outcome(access, bearer(each));
    outcome(access, { authorization: 'Bearer nobody' });
    const labels = [...(await metrics.scrape()).matchAll(/watchnext_key_requests_total\{key="([^"]*)"/g)].map(
      ([, label]) => label,
    );
    expect(new Set(labels).size).toBe(22);
    expect(labels).toEqual(expect.arrayContaining(['', 'other', many[0]!.entry.name]));
    await access.close();
  });
});
