import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bearer, fileOf, keyOf } from '../security/builders.js';
import { startApp, type TestService } from './client.js';

let folder: string;
let service: TestService;
const [ranks, rules, slow, few, one] = [
  keyOf(),
  keyOf({ roles: ['admin'] }),
  keyOf({ limits: { requestsPerSecond: 0.01, burst: 2 } }),
  keyOf({ limits: { candidatesPerSecond: 3 } }),
  keyOf({ limits: { concurrent: 1 } }),
];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-http-keys-'));
  const keysFile = join(folder, 'keys.json');
  await writeFile(keysFile, fileOf(ranks, rules, slow, few, one));
  service = await startApp({ settings: { keysFile, metricsKey: true } });
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

const rank = (headers: Readonly<Record<string, string>>, candidates = 1) =>
  service.call('POST', '/v1/rank', { candidates: Array.from({ length: candidates }, (_, id) => ({ id })) }, headers);

test('a route answers who has its role', async () => {
  expect((await rank(bearer(ranks))).status).toBe(200);
  const none = await rank({});
  expect([none.status, none.json.error.code, none.headers['www-authenticate']]).toEqual([
    401,
    'unauthorized',
    'Bearer',
  ]);
  const other = await rank(bearer(rules));
  expect([other.status, other.json.error.code, other.json.error.problems[0]?.hint]).toEqual([
    403,
    'forbidden',
    'use a key with the role rank',
  ]);
  for (const path of ['/v1/models', '/v1/experiments', '/metrics']) {
    expect([path, (await service.call('GET', path)).status]).toEqual([path, 401]);
    expect([path, (await service.call('GET', path, undefined, bearer(rules))).status]).toEqual([path, 200]);
  }
  for (const path of ['/healthz', '/readyz', '/docs', '/openapi.json', '/'])
    expect([path, (await service.call('GET', path)).status]).toEqual([path, 200]);
  for (const [method, path] of [
    ['PUT', '/v1/items'],
    ['PUT', '/v1/users'],
    ['POST', '/v1/feedback'],
    ['POST', '/v1/clock'],
    ['POST', '/v1/models/shelf/rollback'],
  ] as const)
    expect([path, (await service.call(method, path, {}, bearer(ranks))).status]).toEqual([path, 403]);
});

test('what is left of a key’s requests stands in each answer; beyond it is told to wait', async () => {
  const [first, second, third] = [await rank(bearer(slow)), await rank(bearer(slow)), await rank(bearer(slow))];
  expect(
    [first, second, third].map(({ status, headers }) => [status, headers['ratelimit'], headers['ratelimit-policy']]),
  ).toEqual([
    [200, '"requests";r=1;t=100', '"requests";q=2;w=200'],
    [200, '"requests";r=0;t=200', '"requests";q=2;w=200'],
    [429, '"requests";r=0;t=200', '"requests";q=2;w=200'],
  ]);
  expect(third.json.error).toMatchObject({ code: 'rate_limited', retriable: true });
  expect(Number(third.headers['retry-after'])).toBeGreaterThan(90);
});

test('candidates count, and no request is impossible', async () => {
  expect((await rank(bearer(few), 6)).status).toBe(200);
  const next = await rank(bearer(few), 1);
  expect([next.status, next.json.error.problems[0]?.message]).toEqual([
    429,
    'has more candidates ranked per second than it may',
  ]);
});

test('a place is free again when the request is answered, however', async () => {
  for (let time = 0; time < 3; time++) {
    expect((await rank(bearer(one))).status).toBe(200);
    expect((await service.call('POST', '/v1/rank', '{"candidates":', bearer(one))).status).toBe(400);
  }
});
