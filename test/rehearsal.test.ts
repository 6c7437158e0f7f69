import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../src/artifact/index.js';
import { createFieldWarnings } from '../src/ranking/index.js';
import { madeUpFields } from '../src/made-up.js';
import { SeededRandom } from '../src/random.js';
import { noExperiments } from '../src/experiments/index.js';
import type { Rankers } from '../src/inference/index.js';
import { rehearse } from '../src/rehearsal.js';
import { startServer } from '../src/server.js';
import { readSettings } from '../src/settings.js';
import { createLogger } from '../src/telemetry/index.js';
import { sealShelf } from './inference/shelf-model.js';
import { modelOf, onlyRanker } from './ranking/shelf.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rehearsal-'));
  const models = join(folder, 'models');
  await openArtifacts(models).activate('shelf', await sealShelf(models));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = async (more: Record<string, unknown> = {}) => {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const places = { models: join(folder, 'models'), store: join(folder, 'store'), logDirectory: join(folder, 'log') };
  const settings = readSettings({}, { ...places, port: 0, device: 'cpu', ...more });
  const server = await startServer(settings, {
    logger: createLogger({ level: 'debug', destination }),
    signals: false,
  });
  return { server, lines };
};

describe('before a service is ready', () => {
  test('made-up rankings are taken all the way, and nothing of them is counted, logged or kept', async () => {
    const { server, lines } = await start({ accessLog: 'info', maxCandidates: 10, bodyLimitBytes: 1024 });
    try {
      // How many there are in its two seconds is up to the machine.
      expect(lines.find(({ msg }) => msg === 'rehearsed')!['rankings']).toBeGreaterThan(0);
      expect(lines.filter(({ msg }) => msg === 'answered')).toEqual([]);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      const counted = metrics.split('\n').filter((line) => / [1-9]/.test(line) && !line.startsWith('#'));
      const ofRankings = /http_requests|rankings|rank_|fallbacks|sheds|entity_reads|feature_|exposures|head_|drift/;
      expect(counted.filter((line) => ofRankings.test(line))).toEqual([]);
    } finally {
      await server.close();
    }
  }, 240_000);

  test('what the service before it was asked for is read again, and ranked too', async () => {
    const more = { store: join(folder, 'kept'), logDirectory: join(folder, 'kept-log') };
    const items = Array.from({ length: 200 }, (_, at) => ({ id: `r${at}`, quality: at }));
    const { server: before } = await start(more);
    const headers = { 'content-type': 'application/json' };
    await fetch(`${before.url}/v1/items`, { method: 'PUT', headers, body: JSON.stringify(items) });
    await before.close();
    const { server, lines } = await start(more);
    try {
      expect(lines.find(({ msg }) => msg === 'rehearsed')).toMatchObject({ itemsReadAhead: 200 });
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      expect(metrics).not.toMatch(/entity_reads_total\{[^}]*\} [1-9]/);
    } finally {
      await server.close();
    }
  }, 240_000);

  test('a metrics port that is taken is told before any model is loaded', async () => {
    const other: Server = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const places = { models: join(folder, 'models'), store: join(folder, 'store'), log: 'off' };
    const settings = readSettings({}, { ...places, port: 0, device: 'cpu', metricsPort: port });
    const logger = createLogger({ level: 'info', destination });
    await expect(startServer(settings, { logger, signals: false })).rejects.toMatchObject({
      problems: [expect.objectContaining({ path: 'metricsPort' })],
    });
    expect(lines.join('')).not.toContain('a version serves');
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('a rehearsal that fails', () => {
  const rehearsing = async (rankers: Rankers, experiments = noExperiments) => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    await rehearse({
      rankers: { ...rankers, catalogue: { rankers: () => [modelOf().ranker, 'without a model'] } },
      experiments,
      logged: true,
      settings: readSettings({}, {}),
      logger: createLogger({ level: 'debug', destination }),
      now: Date.now,
    });
    return lines;
  };

  test('is told once with its reason, and stops nothing', async () => {
    let asked = 0;
    const broken = onlyRanker(modelOf());
    const use: Rankers['use'] = () => {
      asked++;
      return Promise.reject(new Error('nothing can be read'));
    };
    const lines = await rehearsing({ ...broken, use });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 40,
      msg: 'the rehearsal failed: the first rankings are slower than others',
      err: { message: 'a made-up ranking was answered with 500' },
    });
    expect(asked).toBe(1);
  });

  test('is not one where experiments fail: those that serve, which count that, are not asked', async () => {
    let asked = 0;
    const assign = (): never => {
      asked++;
      throw new Error('a request could not be assigned');
    };
    const lines = await rehearsing(onlyRanker(modelOf()), { ...noExperiments, assign });
    expect(lines).toEqual([expect.objectContaining({ level: 30, msg: 'rehearsed' })]);
    expect(lines[0]!['rankings']).toBeGreaterThan(0);
    expect(asked).toBe(0);
  });

  test('is not one where a ranker has no model yet: the others are rehearsed', async () => {
    const lines = await rehearsing(onlyRanker(modelOf()));
    expect(lines).toEqual([expect.objectContaining({ level: 30, msg: 'rehearsed' })]);
    expect(lines[0]!['rankings']).toBeGreaterThan(0);
  });
});

test('made-up fields are such as a ranker reads without a warning', () => {
  const { definition } = modelOf();
  const now = Date.UTC(2026, 0, 5);
  const made = madeUpFields(definition, new SeededRandom(1), now);
  const warnings = createFieldWarnings([definition], now);
  for (const place of ['user', 'context', 'candidate'] as const) warnings.check(place, made[place]);
  expect(warnings.list).toEqual([]);
  expect(Object.keys(made.candidate).length).toBeGreaterThan(0);
});
