import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import {
  decodeEvent,
  type EventLog,
  type Feedback,
  type Impression,
  type LoggedEvent,
} from '../../src/events/index.js';
import { openLog } from '../../src/log.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { sealShelf } from '../inference/shelf-model.js';
import { cpuTimeMs } from '../cpu-time.js';
import { until } from '../until.js';

let folder: string;
let models: string;
let versions: { first: string; second: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-stream-'));
  models = join(folder, 'models');
  const first = await sealShelf(models, { nowMs: Date.UTC(2026, 0, 1) });
  versions = { first, second: await sealShelf(models, { scale: -1, nowMs: Date.UTC(2026, 0, 2) }) };
  await openArtifacts(models).activate('shelf', first);
});
afterAll(() => rm(folder, { recursive: true }));

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});
const settingsOf = (name: string, more: Partial<Settings> = {}): Settings => ({
  ...readSettings(
    {},
    {
      ...{ models, port: 0, device: 'cpu', store: join(folder, name), logDirectory: join(folder, `${name}-log`) },
      deadlineMs: 60_000,
    },
  ),
  ...more,
});
const start = async (settings: Settings): Promise<RunningServer> => {
  const server = await startServer(settings, { logger: silentLogger, signals: false });
  running.push(server);
  return server;
};
const post = async (
  { url }: RunningServer,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(url + path, {
    method: path.startsWith('/v1/items') || path.startsWith('/v1/users') ? 'PUT' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

/** Everything in the topic, by partition. */
const read = async (log: EventLog): Promise<LoggedEvent[]> => {
  const reader = await log.reader('events', { from: 'start' });
  const events: LoggedEvent[] = [];
  for (;;) {
    const records = await reader.next({ most: 1000, waitMs: 50 });
    if (records.length === 0) break;
    events.push(...records.map(({ value }) => decodeEvent(value)));
  }
  await reader.close();
  return events;
};
const logged = async (settings: Settings): Promise<LoggedEvent[]> => {
  const log = await openLog(settings, { logger: silentLogger });
  try {
    return await read(log);
  } finally {
    await log.close();
  }
};
const feedbackIn = (events: readonly LoggedEvent[]): Feedback[] =>
  events.flatMap((event) => (event.kind === 'feedback' ? [event] : []));
const impressionsIn = (events: readonly LoggedEvent[]): Impression[] =>
  events.flatMap((event) => (event.kind === 'impression' ? [event] : []));

interface Ranked {
  readonly requestId: string;
  readonly version: string;
  readonly items: readonly { readonly id: string; readonly score: number; readonly heads: Record<string, number> }[];
}
const rank = async (server: RunningServer, body: object = {}): Promise<Ranked> => {
  const candidates = [4, 1, 3, 2].map((quality) => ({ id: `v${quality}`, quality, colour: 'red' }));
  const request = { user: { id: 'u1', taste: 0.25 }, context: { device: 'tv' }, candidates, limit: 3, ...body };
  return (await post(server, '/v1/rank', request)).body as unknown as Ranked;
};
let ids = 0;
const click = (requestId: string): object => ({ id: `e${++ids}`, requestId, item: 'v4', kind: 'click', user: 'u1' });
const lines = { 'content-type': 'application/x-ndjson' };

describe('a service with an embedded log', () => {
  let settings: Settings;
  let server: RunningServer;
  beforeAll(async () => {
    settings = settingsOf('shared', { logPartitions: 3 });
    server = await startServer(settings, { logger: silentLogger, signals: false });
  });
  afterAll(() => server.close());

  test('reads fresh state: a click shows in the next answers within a second', async () => {
    const popularity = async (): Promise<unknown> => {
      const { items } = (await rank(server, { explain: true, log: false })) as unknown as {
        items: { id: string; explain: { features: Record<string, unknown> } }[];
      };
      return items.find(({ id }) => id === 'v4')?.explain.features['popularity'];
    };
    const [none, { requestId }] = [await popularity(), await rank(server)];
    await post(server, '/v1/feedback', click(requestId));
    const told = cpuTimeMs();
    const clicked = JSON.stringify([1, 0, 1, 0]); // sums of click and watch, then how many of each are known
    // A second is promised where nothing else runs: counted is the processor's time, which asking again and again fills.
    for (let now = await popularity(); JSON.stringify(now) !== clicked; now = await popularity())
      if (cpuTimeMs() - told > 5000) throw new Error(`still ${JSON.stringify(now)}, was ${JSON.stringify(none)}`);
  });

  test('logs what it showed with exactly the values that it answered, and what it was told', async () => {
    await post(server, '/v1/items', [{ id: 'v4', topic: 'music' }]);
    const answer = await rank(server);
    const told = {
      id: 'w1',
      requestId: answer.requestId,
      item: answer.items[0]!.id,
      kind: 'watch',
      seconds: 7.25,
      user: 'u1',
    };
    expect((await post(server, '/v1/feedback', told)).body).toEqual({ accepted: 1, duplicates: 0, refused: [] });
    // Durable already: another process sees it while the service runs. What it showed was queued before, and lies before it.
    const events = await logged(settings);
    const impression = impressionsIn(events).find(({ requestId }) => requestId === answer.requestId);
    expect(feedbackIn(events).filter(({ eventId }) => eventId === 'w1')).toMatchObject([
      { eventId: 'w1', requestId: answer.requestId, what: 'watch', value: 7.25 },
    ]);
    expect(impression).toMatchObject({
      requestId: answer.requestId,
      version: answer.version,
      userId: 'u1',
      tasks: ['click', 'watch'],
      candidates: 4,
      fields: { user: { user_id: 'u1', taste: 0.25 }, context: { device: 'tv' } },
    });
    expect(impression!.items.map(({ id, position, score }) => [id, position, score])).toEqual(
      answer.items.map(({ id, score }, at) => [id, at + 1, score]),
    );
    expect(impression!.heads).toEqual(
      Float32Array.from(answer.items.flatMap(({ heads }) => [heads['click']!, heads['watch']!])),
    );
    expect(impression!.fields.candidates).toEqual([4, 3, 2].map((quality) => ({ item_id: `v${quality}`, quality })));
    expect(events).toContainEqual(expect.objectContaining({ kind: 'item', id: 'v4', fields: { topic: 'music' } }));
  });

  test('marks the time in every partition, never before what happened earlier', async () => {
    const log = await openLog(settings, { logger: silentLogger });
    expect(await log.bounds('events')).toHaveLength(3);
    const foundIn = async (partition: number): Promise<LoggedEvent[]> => {
      const reader = await log.reader('events', { from: 'start', partitions: [partition] });
      const found = (await reader.next({ most: 1000, waitMs: 1000 })).map(({ value }) => decodeEvent(value));
      await reader.close();
      return found;
    };
    const markersIn = (events: readonly LoggedEvent[]): number[] =>
      events.flatMap(({ kind, time }) => (kind === 'marker' ? [time] : []));
    const { requestId } = await rank(server);
    const shownAt = Date.now();
    const partitions = [0, 1, 2];
    await until(async () => {
      const markers = (await Promise.all(partitions.map(foundIn))).map(markersIn);
      return markers.every((times) => times.length >= 2 && times.at(-1)! > shownAt);
    });
    await post(server, '/v1/feedback', click(requestId));
    for (const partition of partitions) {
      const found = await foundIn(partition);
      const markers = markersIn(found);
      expect(markers).toEqual([...markers].sort((a, b) => a - b));
      const shown = found.findIndex(({ kind }) => kind === 'impression');
      if (shown >= 0) expect(found.slice(0, shown).every(({ time }) => time < found[shown]!.time + 2000)).toBe(true);
    }
    await log.close();
  });

  test('keeps everything over a restart, takes lines, and counts an id once', async () => {
    const settings = settingsOf('restart');
    const first = await start(settings);
    const { requestId } = await rank(first);
    const events = [click(requestId), click(requestId), { ...click(requestId), kind: 'nonsense' }];
    const text = events.map((event) => JSON.stringify(event)).join('\n');
    expect((await post(first, '/v1/feedback', text, lines)).body).toMatchObject({
      accepted: 2,
      refused: [{ index: 2, problems: [{ path: '/kind' }] }],
    });
    expect((await post(first, '/v1/feedback', events[0])).body).toMatchObject({ accepted: 0, duplicates: 1 });
    await rank(first);
    await running.pop()!.close();
    const second = await start(settings);
    await rank(second);
    await post(second, '/v1/feedback', click(requestId));
    await running.pop()!.close();
    const found = await logged(settings);
    // The last impressions were queued when the service stopped, and are there.
    expect(impressionsIn(found)).toHaveLength(3);
    expect(feedbackIn(found)).toHaveLength(3);
  });

  test('logs no preview', async () => {
    const preview = await rank(server, { log: false });
    const { requestId } = await rank(server);
    await post(server, '/v1/feedback', click(requestId));
    const found = impressionsIn(await logged(settings)).map((impression) => impression.requestId);
    expect(found).toContain(requestId);
    expect(found).not.toContain(preview.requestId);
  });

  test('is refused where another service writes the same log, which goes on', async () => {
    const script = `
      const { openLog } = await import('./src/log.js');
      const { readSettings } = await import('./src/settings.js');
      const { silentLogger } = await import('./src/telemetry/index.js');
      const settings = readSettings({}, { logDirectory: ${JSON.stringify(settings.logDirectory)} });
      await openLog(settings, { logger: silentLogger, writes: ['events'] }).catch(({ code }) => console.log(code));`;
    expect((await runScript(['--input-type=module', '-e', script])).stdout).toBe('log_locked\n');
    expect((await post(server, '/v1/feedback', click('r1'))).body).toMatchObject({ accepted: 1 });
  });

  test('forgets what its retention does not keep', async () => {
    const settings = settingsOf('retention', { logRetentionBytes: 2 ** 20, logPartitions: 1 });
    const server = await start(settings);
    const many = Array.from({ length: 4000 }, () => ({ ...click('r1'), item: 'x'.repeat(200) }));
    for (let round = 0; round < 3; round++) {
      const events = many.map((event, at) => ({ ...event, id: `${round}-${at}` }));
      expect((await post(server, '/v1/feedback', events)).body).toMatchObject({ accepted: 4000 });
    }
    const log = await openLog(settings, { logger: silentLogger });
    await until(async () => (await log.bounds('events'))[0]!.first > 0);
    await log.close();
  });
});

test('a service without a log ranks, and refuses feedback with the setting', async () => {
  const server = await start(settingsOf('off', { log: 'off' }));
  expect((await rank(server)).items).toHaveLength(3);
  const { status, body } = await post(server, '/v1/feedback', click('r1'));
  expect([status, body]).toMatchObject([503, { error: { code: 'log_unavailable' } }]);
});

test('a service whose Kafka is away is ready, ranks, and keeps what it is told in its spool', async () => {
  const settings = settingsOf('kafka', {
    log: 'kafka',
    kafkaBrokers: '127.0.0.1:1',
    spoolDirectory: join(folder, 'spool'),
    spoolBytes: 2 ** 20,
  });
  const server = await start(settings);
  const { requestId, items } = await rank(server);
  expect(items).toHaveLength(3);
  expect((await post(server, '/v1/feedback', click(requestId))).body).toMatchObject({ accepted: 1 });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/watchnext_spool_records\{topic="events"\} [1-9]/);
  const large = Array.from({ length: 4000 }, () => ({ ...click(requestId), item: 'x'.repeat(250) }));
  const { status, body } = await post(server, '/v1/feedback', large);
  expect([status, body]).toMatchObject([503, { error: { code: 'log_full', retriable: true } }]);
  expect((await rank(server)).items).toHaveLength(3);
});

describe('watchnext replay', () => {
  // The command alone: the program with all its verbs takes seconds to load from its sources.
  const replay = (settings: Settings, args: readonly string[]): Promise<Ran> => {
    const all = [...args, '--models', models, '--log-directory', settings.logDirectory];
    const script = `
      const { replayCommand } = await import('./cli/replay.js');
      const { printError } = await import('./cli/output.js');
      await replayCommand().parseAsync(${JSON.stringify(all)}, { from: 'user' }).catch((error) => {
        process.exitCode = printError(error, { json: false });
      });`;
    return runScript(['--input-type=module', '-e', script]);
  };

  test('says that an answer is identical, what another version would have said, and what is not in the log', async () => {
    const settings = settingsOf('replayed');
    const server = await start(settings);
    const { requestId } = await rank(server);
    await rank(server);
    await post(server, '/v1/feedback', click(requestId));
    const [plain, against, missing] = await Promise.all([
      replay(settings, [requestId]),
      replay(settings, [requestId, '--against', versions.second, '--user', 'u1', '--json']),
      replay(settings, ['nobody-asked-this']),
    ]);
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining('identical: every head') });
    expect(plain.stdout).toContain(`answered by shelf@${versions.first}`);
    const json = JSON.parse(against.stdout) as {
      identical: boolean;
      against: { order: string[] };
      items: { id: string }[];
    };
    expect([against.code, json.identical]).toEqual([0, true]);
    // The second version turns every sum around, so its product of heads does too.
    expect(json.against.order).toHaveLength(3);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('No impression of request nobody-asked-this'),
    ]);
  });
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
const runScript = (args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const all = ['--import', './test/typescript/register.js', ...args];
    execFile(process.execPath, all, { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
