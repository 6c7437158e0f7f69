import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openServiceClient } from '../../cli/world/index.js';
import { openArtifacts } from '../../src/artifact/index.js';
import { decodeEvent, type LoggedEvent, type LogRecord } from '../../src/events/index.js';
import { createMerge } from '../../src/join/index.js';
import { openLog } from '../../src/log.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { createWorld, runWorld, type WorldReport } from '../../training/dataset/index.js';
import { sealShelf } from '../inference/shelf-model.js';

const tiny = {
  seed: 2,
  users: 40,
  days: 1,
  requestsPerDay: 90,
  videosPerDay: 30,
  newUsersPerDay: 5,
  roundMs: 6 * 3_600_000,
};

let folder: string;
let models: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-world-'));
  models = join(folder, 'models');
  // As long as a round, so that nothing depends on which of its requests is answered first.
  const stream = 'stream: {out_of_order: 6h}\nlabels: {click: {wait: 12h}, watch: {wait: 12h}}\n';
  const sealed = await sealShelf(models, { edit: { 'training: {': `${stream}training: {` } });
  await openArtifacts(models).activate('shelf', sealed);
  await writeFile(join(folder, 'experiments.json'), JSON.stringify(experiments));
});
afterAll(() => rm(folder, { recursive: true }));

const experiments = {
  features: {
    'watchnext.list': {
      defaultValue: {},
      rules: [
        {
          key: 'length',
          phase: '1',
          hashVersion: 2,
          variations: [{}, { limit: 3 }],
          weights: [0.5, 0.5],
          meta: [{ key: 'long' }, { key: 'short' }],
        },
      ],
    },
  },
};

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});
const settingsOf = (name: string, more: Record<string, unknown> = {}): Settings =>
  readSettings(
    {},
    {
      ...{
        models,
        port: 0,
        device: 'cpu',
        clock: 'requests',
        deadlineMs: 60_000,
        queueMs: 60_000,
        experimentsPollMs: 60_000,
      },
      ...{ store: join(folder, name), logDirectory: join(folder, `${name}-log`) },
      ...more,
    },
  );
const start = async (settings: Settings): Promise<RunningServer> => {
  const server = await startServer(settings, { logger: silentLogger, signals: false });
  running.push(server);
  return server;
};
/** A service of its own, visited by the tiny world, and closed. */
const visited = async (name: string, concurrency: number): Promise<{ report: WorldReport; records: LogRecord[] }> => {
  const settings = settingsOf(name, { experiments: join(folder, 'experiments.json') });
  const server = await start(settings);
  const report = await runWorld(await openServiceClient({ url: server.url }), { ...tiny, concurrency });
  running.splice(running.indexOf(server), 1);
  await server.close();
  const log = await openLog(settings, { logger: silentLogger });
  const reader = await log.reader('events', { from: 'start' });
  const records = await reader.next({ most: 1e6, waitMs: 0 });
  await reader.close();
  await log.close();
  return { report, records };
};

/** What was shown, with the values that features had of what came before, who was exposed, and what people did. */
const happened = (records: readonly LogRecord[]): string[] =>
  records
    .map(({ value }) => decodeEvent(value))
    .flatMap((event) => {
      if (event.kind === 'feedback' || event.kind === 'exposure') return [JSON.stringify(event)];
      if (event.kind !== 'impression') return [];
      const popularity = event.features.columns.get('popularity');
      const values = popularity?.type === 'numbers' ? [...popularity.values] : [];
      return [JSON.stringify([event.requestId, event.arms, event.items.map(({ id }) => id), values])];
    })
    .sort();

describe('a world that visits a running service over HTTP', () => {
  let one: Awaited<ReturnType<typeof visited>>;
  let events: readonly LoggedEvent[];
  beforeAll(async () => {
    one = await visited('one', 1);
    events = one.records.map(({ value }) => decodeEvent(value));
  }, 240_000);
  const all = <K extends LoggedEvent['kind']>(kind: K): Extract<LoggedEvent, { kind: K }>[] =>
    events.filter((event): event is Extract<LoggedEvent, { kind: K }> => event.kind === kind);

  test('tells the truth by arm: a shorter list is looked at less', () => {
    const { arms, total } = one.report;
    expect(Object.keys(arms)).toEqual(['length/long', 'length/short']);
    const [long, short] = [arms['length/long']!, arms['length/short']!];
    expect(long.visits + short.visits).toBe(total.visits);
    expect([total.visits, long.users + short.users]).toEqual([90, total.users]);
    expect(short.click).toBeLessThan(0.7 * long.click);
    expect(short.click).toBeGreaterThan(0);
  });

  test('is in the log as it happened, in its own time', () => {
    const impressions = all('impression');
    const world = createWorld(tiny.seed, tiny);
    const times = Array.from({ length: 90 }, (_, index) => world.request(0, index).time);
    const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
    expect(sorted(impressions.map(({ time }) => time))).toEqual(sorted(times));
    for (const { arms, items } of impressions) expect(items.length).toBe(arms['length'] === 'short' ? 3 : 20);
    const exposures = all('exposure');
    expect(new Set(exposures.map(({ userId }) => userId)).size).toBe(exposures.length);
    expect(exposures.length).toBe(one.report.total.users);
    for (const { time } of exposures) expect(times).toContain(time);
    const feedback = all('feedback');
    expect(feedback.length).toBe(one.report.feedback.sent);
    const shownAt = new Map(impressions.map(({ requestId, time }) => [requestId, time]));
    for (const { requestId, time } of feedback) expect(time).toBeGreaterThan(shownAt.get(requestId)!);
    expect(Math.max(...all('marker').map(({ time }) => time))).toBe(one.report.until + 6 * 3_600_000);
    for (const { time } of events) expect(time).toBeGreaterThanOrEqual(one.report.from);
  });

  test('can be merged without moving anything, if a round may be out of order', () => {
    const merge = createMerge({
      partitions: [0, 1, 2, 3],
      outOfOrderMs: tiny.roundMs,
      onBad: () => expect('a record that cannot be read').toBe('nowhere'),
    });
    merge.push(one.records);
    let released = 0;
    merge.drain(({ time, event }) => {
      released++;
      expect(time).toBe(event.time);
    });
    expect(released).toBe(events.filter(({ kind }) => kind !== 'marker').length);
  });

  test('happens again as it happened: the same visits, outcomes and events', async () => {
    const again = await visited('again', 1);
    expect(again.report).toEqual(one.report);
    expect(happened(again.records)).toEqual(happened(one.records));
  }, 240_000);

  test('is the same with eight requests at a time', async () => {
    const eight = await visited('eight', 8);
    expect(eight.report).toEqual(one.report);
    expect(happened(eight.records)).toEqual(happened(one.records));
  }, 240_000);
});

describe('a service that cannot be visited', () => {
  test('goes by the wall clock: it says so, and nothing is put into it', async () => {
    const { url } = await start(settingsOf('wall', { clock: 'wall' }));
    const service = await openServiceClient({ url });
    await expect(runWorld(service, tiny)).rejects.toMatchObject({
      code: 'request_invalid',
      message: expect.stringContaining('goes by the wall clock'),
      problems: [{ path: '/time', hint: expect.stringContaining('--clock requests') }],
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).not.toMatch(/route="\/v1\/(users|items)"/);
  });

  test('has no such ranker, is something else, or is not there', async () => {
    const { url } = await start(settingsOf('other'));
    await expect(openServiceClient({ url, ranker: 'shlf' })).rejects.toMatchObject({
      code: 'ranker_unknown',
      problems: [{ path: '--ranker', hint: expect.stringContaining('shelf') }],
    });
    await expect(openServiceClient({ url: 'http://127.0.0.1:9', retryMs: 1 })).rejects.toMatchObject({
      code: 'not_ready',
      problems: [{ path: '--service', hint: expect.stringContaining('watchnext serve') }],
    });
    await expect(openServiceClient({ url: `${url}/docs`, retryMs: 1 })).rejects.toMatchObject({
      code: 'route_unknown',
    });
  });
});
