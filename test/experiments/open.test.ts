import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  noExperiments,
  openExperiments,
  type Experiments,
  type ExperimentSource,
} from '../../src/experiments/index.js';
import { createMetrics, type Logger, type Metrics } from '../../src/telemetry/index.js';
import { catalogue, experiment, payload } from './builders.js';
import { until } from '../until.js';

let folder = '';
let metrics: Metrics;
let lines: { level: string; message: string }[] = [];
const opened: { close(): unknown }[] = [];
const logger: Logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (_: object, message: string) => void lines.push({ level, message }),
  ]),
) as unknown as Logger;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchnext-experiments-'));
  metrics = createMetrics();
  lines = [];
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const put = (name: string, value: unknown): string => {
  writeFileSync(at(`${name}.new`), typeof value === 'string' ? value : JSON.stringify(value));
  renameSync(at(`${name}.new`), at(name));
  return at(name);
};
const begin = Date.UTC(2026, 0, 5);
const open = async (source: ExperimentSource, timeoutMs = 60_000): Promise<Experiments> => {
  const experiments = await openExperiments({
    source,
    catalogue,
    logger,
    metrics,
    now: () => begin,
    pollMs: 10,
    timeoutMs,
  });
  opened.push(experiments);
  return experiments;
};
const of = (parts: Readonly<Record<string, unknown>> = {}) =>
  payload({ 'watchnext.a': [experiment('a', { weights: [0, 1], ...parts })] });
const limitOf = (experiments: Experiments): number | undefined =>
  experiments.assign({ userId: 'u', attributes: {} }).settings.limit;
const metric = async (line: string): Promise<number | undefined> => {
  const found = (await metrics.scrape()).split('\n').find((each) => each.startsWith(`watchnext_experiments_${line} `));
  return found === undefined ? undefined : Number(found.split(' ').at(-1));
};
const errors = (): string[] => lines.filter(({ level }) => level === 'error').map(({ message }) => message);

test('no experiments assign nothing', async () => {
  expect(noExperiments.assign({ userId: 'u', attributes: {} })).toEqual({ arms: {}, settings: {}, exposed: [] });
  expect(noExperiments.status()).toEqual({ source: 'none', loadedAt: undefined, experiments: [], refused: undefined });
  await noExperiments.close();
});

describe('a file of experiments', () => {
  test('applies, and its changes too', async () => {
    const file = put('experiments.json', of());
    const experiments = await open({ file });
    expect(limitOf(experiments)).toBe(10);
    expect(experiments.status()).toEqual({
      source: file,
      loadedAt: '2026-01-05T00:00:00.000Z',
      experiments: [{ key: 'a', phase: '1', arms: ['control', 'changed'] }],
      refused: undefined,
    });
    expect(await metric('running')).toBe(1);
    put('experiments.json', of({ phase: '2', variations: [{}, { limit: 5 }] }));
    await until(() => limitOf(experiments) === 5);
    put('experiments.json', of({ phase: '2', active: false }));
    await until(() => limitOf(experiments) === undefined);
    expect(experiments.status().experiments).toEqual([]);
    expect(await metric('running')).toBe(0);
    expect(await metric('loads_total{outcome="applied"}')).toBe(3);
  });

  test.each([
    ['that does not parse', '{"features": {', 'is not JSON'],
    ['that is empty', '', 'is empty'],
    ['that is refused', of({ weights: [2, 2] }), 'are not shares from 0 to 1'],
    ['that changes what runs', of({ variations: [{}, { limit: 5 }] }), 'a runs in phase 1'],
  ])('%s changes nothing: one line, a metric, the reason in the status', async (_, broken, reason) => {
    put('experiments.json', of());
    const experiments = await open({ file: at('experiments.json') });
    put('experiments.json', broken);
    await until(() => experiments.status().refused !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(limitOf(experiments)).toBe(10);
    expect(experiments.status().refused?.problems.join()).toContain(reason);
    expect(experiments.status().refused?.at).toBe('2026-01-05T00:00:00.000Z');
    expect(await metric('stale')).toBe(1);
    expect(errors()).toHaveLength(1);
    put('experiments.json', of({ coverage: 1 }));
    await until(() => experiments.status().refused === undefined);
    expect(await metric('stale')).toBe(0);
  });

  test('that vanishes leaves what applied, until it is back', async () => {
    put('experiments.json', of());
    const experiments = await open({ file: at('experiments.json') });
    renameSync(at('experiments.json'), at('elsewhere'));
    await until(() => experiments.status().refused !== undefined);
    expect(limitOf(experiments)).toBe(10);
    expect(errors()).toEqual(['experiments unavailable: what applied before goes on']);
    expect(await metric('loads_total{outcome="unavailable"}')).toBe(1);
    renameSync(at('elsewhere'), at('experiments.json'));
    await until(() => experiments.status().refused === undefined);
    expect(await metric('stale')).toBe(0);
  });

  test('that is missing or wrong at the start keeps the service from starting, with all reasons', async () => {
    await expect(open({ file: at('nowhere.json') })).rejects.toMatchObject({
      code: 'experiments_invalid',
      problems: [{ message: 'there is no such file' }],
    });
    const file = put('experiments.json', of({ weights: [2, 2], variations: [{ limt: 1 }, { limit: 0 }] }));
    await expect(open({ file })).rejects.toMatchObject({ problems: { length: 3 } });
  });

  test('with a copy is compared with what ran before the restart', async () => {
    const source = { file: put('experiments.json', of()), lastGood: at('copies/last-good.json') };
    await (await open(source)).close();
    put('experiments.json', of({ seed: 'other' }));
    await expect(open(source)).rejects.toMatchObject({
      problems: [{ message: expect.stringContaining('this changes seed') }],
    });
    put('experiments.json', of({ seed: 'other', phase: '2' }));
    expect(limitOf(await open(source))).toBe(10);
  });

  test('counts who asks without an id', async () => {
    const experiments = await open({ file: put('experiments.json', of()) });
    for (const userId of [undefined, '', 'u']) experiments.assign({ userId, attributes: {} });
    expect(await metric('unassigned_total{reason="no_user"}')).toBe(2);
  });
});

/** GrowthBook's API as far as it is used, with an answer that can be exchanged. */
const serve = async () => {
  const asked: { url: string; etag: string | undefined }[] = [];
  let answer = (response: ServerResponse): void => void response.writeHead(500).end();
  const server: Server = createServer(({ url = '', headers }, response) => {
    asked.push({ url, etag: headers['if-none-match'] });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  opened.push({ close });
  return {
    host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close,
    answers: (next: typeof answer) => void (answer = next),
    sends: (value: unknown) =>
      void (answer = (response) => void response.writeHead(200).end(JSON.stringify({ status: 200, ...Object(value) }))),
  };
};

describe('experiments of a host', () => {
  const sourceOf = (host: string) => ({
    host: `${host}/`,
    clientKey: 'sdk-abc',
    lastGood: at('copies/last-good.json'),
  });

  test('are asked for by client key and applied, and changes of them too', async () => {
    const server = await serve();
    server.sends(of());
    const experiments = await open(sourceOf(server.host));
    expect(server.asked[0]?.url).toBe('/api/features/sdk-abc');
    expect(limitOf(experiments)).toBe(10);
    expect(experiments.status().source).toBe(server.host);
    server.sends(of({ phase: '2', variations: [{}, { limit: 5 }] }));
    await until(() => limitOf(experiments) === 5);
  });

  test('are sent once if the host says how to ask for news', async () => {
    const server = await serve();
    let sent = 0;
    server.answers((response) => {
      if (server.asked.at(-1)?.etag === '"v1"') return void response.writeHead(304).end();
      sent++;
      response.writeHead(200, { etag: '"v1"' }).end(JSON.stringify(of()));
    });
    const experiments = await open(sourceOf(server.host));
    await until(() => server.asked.length > 3);
    expect(sent).toBe(1);
    expect(limitOf(experiments)).toBe(10);
    expect(experiments.status().refused).toBeUndefined();
  });

  test.each([
    ['answers an error', (response: ServerResponse) => void response.writeHead(503).end(), 'it answered 503'],
    ['does not answer', () => {}, 'did not answer in time'],
    ['sends no JSON', (response: ServerResponse) => void response.end('<html>'), 'is not JSON'],
    [
      'sends an encrypted payload',
      (response: ServerResponse) => void response.end('{"features": {}, "encryptedFeatures": "x"}'),
      'is encrypted',
    ],
  ])('stay as they were when it %s', async (_, answer, reason) => {
    const server = await serve();
    server.sends(of());
    const experiments = await open(sourceOf(server.host), 2000);
    server.answers(answer);
    await until(() => experiments.status().refused !== undefined);
    expect(experiments.status().refused?.problems.join()).toContain(reason);
    expect(limitOf(experiments)).toBe(10);
    expect(await metric('stale')).toBe(1);
    server.sends(of({ name: 'again' }));
    await until(() => experiments.status().refused === undefined);
  });

  test('are those of the copy on disk where the host is away at the start, until it is back', async () => {
    const server = await serve();
    server.sends(of());
    const source = sourceOf(server.host);
    await (await open(source)).close();
    server.answers((response) => void response.writeHead(502).end());
    const experiments = await open(source);
    expect(limitOf(experiments)).toBe(10);
    expect(experiments.status()).toMatchObject({ loadedAt: '2026-01-05T00:00:00.000Z', refused: {} });
    expect(lines).toContainEqual({ level: 'warn', message: 'the last good experiments apply' });
    server.sends(of({ seed: 'changed meanwhile' }));
    await until(() => experiments.status().refused?.problems.join().includes('this changes seed') === true);
    expect(limitOf(experiments)).toBe(10);
    server.sends(of({ phase: '2', seed: 'changed meanwhile', variations: [{}, { limit: 5 }] }));
    await until(() => limitOf(experiments) === 5);
  });

  test('are none where there is neither host nor copy, with a warning and a metric', async () => {
    const server = await serve();
    await server.close();
    const experiments = await open(sourceOf(server.host));
    expect(experiments.assign({ userId: 'u', attributes: {} })).toEqual({ arms: {}, settings: {}, exposed: [] });
    expect(experiments.status()).toMatchObject({ loadedAt: undefined, experiments: [] });
    expect(experiments.status().refused?.problems.join()).toContain('cannot be reached');
    expect(lines).toContainEqual({ level: 'warn', message: 'no experiments: there is no last good copy either' });
    expect(await metric('stale')).toBe(1);
  });

  test('have testers of a file of their own, whose mistakes stop nothing', async () => {
    const server = await serve();
    server.sends(of({ weights: [1, 0] }));
    const testers = put('testers.json', { u: { a: 'changed' } });
    const experiments = await open({ ...sourceOf(server.host), testers });
    expect(limitOf(experiments)).toBe(10);
    expect(experiments.assign({ userId: 'u', attributes: {} }).exposed).toEqual([]);
    put('testers.json', '{');
    await until(() => limitOf(experiments) === undefined);
    expect(experiments.status().refused).toBeUndefined();
    expect(lines).toContainEqual({
      level: 'warn',
      message: 'nobody is a tester: the file of testers cannot be used',
    });
  });

  test('that are being waited for do not hold up the end', async () => {
    const server = await serve();
    server.sends(of());
    const experiments = await open(sourceOf(server.host));
    server.answers(() => {});
    const before = server.asked.length;
    await until(() => server.asked.length > before);
    const started = performance.now();
    await experiments.close();
    // Of the minute for which it would be waited.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(errors()).toEqual([]);
  });
});
