import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { logCommand } from '../../cli/log.js';
import { statsOf, tail, verifyTopic } from '../../cli/log/index.js';
import {
  deadLetterRecord,
  openEmbeddedLog,
  recordOf,
  type EmbeddedLog,
  type LoggedEvent,
  type Topic,
} from '../../src/events/index.js';
import { feedback, impression } from '../events/events.js';
import { until } from '../until.js';

const day = Date.UTC(2026, 4, 1);
let directory: string;
let log: EmbeddedLog;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'watchnext-log-command-'));
  log = await openEmbeddedLog({ directory, partitions: 1 });
});
afterEach(async () => {
  await log.close();
  rmSync(directory, { recursive: true });
});

const events: LoggedEvent[] = [
  impression({ time: day, items: ['v1', 7, 'v3', 'v4'] }),
  feedback({ time: day + 5000 }),
  feedback({ time: day + 6000, what: 'like', value: undefined, userId: undefined }),
  { kind: 'item', time: day + 7000, id: 'v9', fields: { title: 'Größe' } },
  { kind: 'marker', time: day + 8000 },
];
const append = (): Promise<void> =>
  log.append(
    'events',
    events.map((event) => recordOf(event, 0)),
  );
const garbage = { partition: 0, time: day + 9000, value: Uint8Array.of(1, 2, 3) };
const letter = {
  time: day,
  reason: 'names nothing known',
  topic: 'events',
  partition: 0,
  offset: 3,
  value: Uint8Array.of(9),
} as const;

const printed = async (options: Partial<Parameters<typeof tail>[0]> & { count: number }): Promise<string[]> => {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(30_000);
  await tail({
    log,
    topic: 'events',
    from: 'start',
    json: false,
    signal,
    print: (line) => void lines.push(line),
    ...options,
  });
  return lines;
};

test('tail prints an event a line as people read it', async () => {
  await append();
  await log.append('events', [garbage]);
  expect(await printed({ count: 6, markers: true })).toMatchInlineSnapshot(`
   [
     "2026-05-01T00:00:00.000Z  0/0  impression  demo@20260430T235959Z-ab12cd+17  request request-1  user user-1  v1 (0.5000), 7 (0.4000), v3 (0.3000) and 1 more",
     "2026-05-01T00:00:05.000Z  0/1  feedback    watch 12.5 of item v1  request request-1  user user-1",
     "2026-05-01T00:00:06.000Z  0/2  feedback    like of item v1  request request-1",
     "2026-05-01T00:00:07.000Z  0/3  item        v9  {"title":"Größe"}",
     "2026-05-01T00:00:08.000Z  0/4  marker      everything up to here is in",
     "2026-05-01T00:00:09.000Z  0/5  unreadable  These bytes are no event: 3 bytes cannot be complete.",
   ]
  `);
});

test('tail follows: it prints what comes after it began, and begins where it is asked to', async () => {
  await append();
  let hasBegun = false;
  const reader: EmbeddedLog['reader'] = async (...about) => {
    const opened = await log.reader(...about);
    hasBegun = true;
    return opened;
  };
  const following = printed({ log: { ...log, reader }, from: 'end', count: 1 });
  await until(() => hasBegun);
  await log.append('events', [recordOf(feedback({ time: day + 10_000 }))]);
  expect((await following)[0]).toMatch(/^2026-05-01T00:00:10\.000Z {2}0\/5 {2}feedback/);
  const since = await printed({ from: { time: day + 7000 }, count: 2 });
  expect(since.map((line) => line.slice(11, 19))).toEqual(['00:00:07', '00:00:10']);
});

test('tail leaves out time markers, and does not count them, unless it is asked for them', async () => {
  const marker = recordOf({ kind: 'marker', time: day - 1000 }, 0);
  await log.append('events', [marker, marker, marker]);
  await append();
  expect((await printed({ count: 2 })).map((line) => line.slice(11, 19))).toEqual(['00:00:00', '00:00:05']);
  const all = await printed({ count: 2, markers: true });
  expect(all.map((line) => line.slice(31, 37))).toEqual(['marker', 'marker']);
});

test('tail prints JSON that has everything but the features', async () => {
  await append();
  await log.append('dead-letters', [deadLetterRecord(letter)]);
  const [shown, said] = (await printed({ json: true, count: 2 })).map((line) => JSON.parse(line) as unknown);
  expect(shown).toMatchObject({
    topic: 'events',
    partition: 0,
    offset: 0,
    kind: 'impression',
    requestId: 'request-1',
    weights: { click: 1, watch: 0.6 },
    items: [{ id: 'v1', position: 1, heads: { click: 0, watch: 0.125 } }, { id: 7 }, { id: 'v3' }, { id: 'v4' }],
    fields: { user: { age: 31 } },
    features: ['age', 'tags'],
  });
  expect(said).toEqual({ topic: 'events', partition: 0, offset: 1, ...feedback({ time: day + 5000 }) });
  const [dead] = await printed({ topic: 'dead-letters', json: true, count: 1 });
  expect(JSON.parse(dead!)).toMatchObject({ kind: 'dead-letter', reason: 'names nothing known', value: 'CQ==' });
});

test('stats count records, bytes, times and kinds of each partition', async () => {
  await append();
  await log.append('events', [garbage]);
  const [stats] = await statsOf(log, 'events');
  const bytes = events.reduce((sum, event) => sum + recordOf(event, 0).value.length, 3);
  expect(stats).toEqual({
    topic: 'events',
    partition: 0,
    first: 0,
    next: 6,
    records: 6,
    bytes,
    earliest: day,
    latest: day + 9000,
    kinds: { impression: 1, feedback: 2, item: 1, marker: 1, unreadable: 1 },
  });
  expect(await statsOf(log, 'dead-letters')).toEqual([expect.objectContaining({ records: 0, kinds: {} })]);
});

test('verify finds each record that cannot be read in all its parts, and says where', async () => {
  await append();
  const broken = recordOf(impression());
  broken.value[broken.value.length - 9] = 255 ^ (broken.value[broken.value.length - 9] ?? 0);
  await log.append('events', [broken, garbage]);
  await log.append('dead-letters', [deadLetterRecord(letter)]);
  expect(await verifyTopic(log, 'events')).toEqual({
    records: 7,
    damaged: 2,
    damage: [
      { topic: 'events', partition: 0, offset: 5, reason: expect.stringContaining('features') },
      { topic: 'events', partition: 0, offset: 6, reason: expect.stringContaining('3 bytes cannot be complete') },
    ],
  });
  expect(await verifyTopic(log, 'dead-letters')).toEqual({ records: 1, damaged: 0, damage: [] });
});

test('the command ends with 0 for a sound log, with 1 for a damaged one, and makes none where there is none', async () => {
  const run = async (...args: string[]): Promise<{ code: unknown; stdout: string }> => {
    let stdout = '';
    process.exitCode = 0;
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => (stdout += String(text)) !== '');
    const quiet = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      await logCommand().parseAsync(args, { from: 'user' });
      return { code: process.exitCode, stdout };
    } finally {
      process.exitCode = 0;
      spy.mockRestore();
      quiet.mockRestore();
    }
  };
  await append();
  expect(await run('verify', '--log-directory', directory)).toEqual({
    code: 0,
    stdout: '5 records, all can be read\n',
  });
  const nowhere = join(directory, 'nowhere');
  await expect(run('stats', '--log-directory', nowhere)).rejects.toThrow(`There is no event log in ${nowhere}.`);
  expect(existsSync(nowhere)).toBe(false);
  expect((await run('stats', '--log-directory', directory)).stdout).toMatch(
    /^topic +partition.*\n.*\nevents +0 +0 +5 +5 /,
  );
  await log.append('events', [garbage]);
  const topic: Topic = 'events';
  const damaged = await run('verify', '--log-directory', directory, '--topic', topic, '--json');
  expect(damaged).toMatchObject({ code: 1 });
  expect(JSON.parse(damaged.stdout)).toMatchObject({ records: 6, damaged: 1, damage: [{ offset: 5 }] });
});
