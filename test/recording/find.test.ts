import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openEmbeddedLog, partitionOf, recordOf, type EventLog, type Impression } from '../../src/events/index.js';
import { findImpression } from '../../src/recording/index.js';

const shown = (requestId: string, more: Partial<Impression> = {}): Impression => ({
  kind: 'impression',
  time: 1000,
  requestId,
  userId: 'u1',
  ranker: 'shelf',
  version: 'v1',
  fingerprint: 'f',
  arms: {},
  weights: {},
  tasks: [],
  candidates: 0,
  items: [],
  heads: new Float32Array(0),
  fields: { user: {}, context: {}, candidates: [] },
  features: { requests: 1, rows: 0, requestOf: new Int32Array(0), columns: new Map() },
  ...more,
});
const home = partitionOf('u1', 2);

let folder: string;
let log: EventLog;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-find-'));
  log = await openEmbeddedLog({ directory: folder, partitions: 2 });
  const markers = (time: number, count: number): ReturnType<typeof recordOf>[] => {
    const record = recordOf({ kind: 'marker', time }, home);
    return Array.from({ length: count }, () => record);
  };
  await log.append('events', [
    recordOf(shown('old')),
    recordOf(shown('twice', { version: 'first' })),
    ...markers(1, 30_000),
    { time: 2, partition: home, value: Uint8Array.of(1, 2, 3) },
    recordOf(shown('twice', { time: 2000, version: 'second' })),
    ...markers(2, 15_000),
    recordOf(shown('new', { time: 3000 })),
  ]);
});
afterAll(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

describe('an impression is found by its request', () => {
  test.each(['new', 'old'])('%s, wherever it is in the log', async (requestId) => {
    expect(await findImpression({ log, requestId })).toMatchObject({ kind: 'impression', requestId });
    expect(await findImpression({ log, requestId, user: 'u1' })).toMatchObject({ requestId });
  });

  test('the newest one, if an id was used twice, past bytes that are no event', async () => {
    expect(await findImpression({ log, requestId: 'twice' })).toMatchObject({ version: 'second' });
  });

  test('or not at all, when it is not there, or not for this user', async () => {
    const seen: number[] = [];
    const onProgress = (done: number, total: number): void => void seen.push(done / total);
    expect(await findImpression({ log, requestId: 'none', onProgress })).toBeUndefined();
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const other = ['u2', 'u3', 'u4', 'u5', 'u6'].find((user) => partitionOf(user, 2) !== home)!;
    expect(await findImpression({ log, requestId: 'new', user: other })).toBeUndefined();
  });

  test('from the end backwards, so that what is new costs little', async () => {
    let done = 0;
    await findImpression({ log, requestId: 'new', user: 'u1', onProgress: (places) => void (done = places) });
    expect(done).toBeLessThan(25_000);
  });
});

describe('a log that does not answer at once', () => {
  /** Each reader answers nothing for the first `quiet` times. */
  const slow = (quiet: number): EventLog => ({
    ...log,
    async reader(...about) {
      const reader = await log.reader(...about);
      let left = quiet;
      return {
        next: (how) => (left-- > 0 ? Promise.resolve([]) : reader.next(how)),
        close: () => reader.close(),
      };
    },
  });

  test.each(['new', 'old'])('is waited for: %s is found', async (requestId) => {
    expect(await findImpression({ log: slow(3), requestId })).toMatchObject({ requestId });
  });

  test('is told from one that does not hold the impression', async () => {
    await expect(findImpression({ log: slow(Infinity), requestId: 'new' })).rejects.toMatchObject({
      code: 'log_unavailable',
      problems: [{ path: `events/${home}`, message: expect.stringContaining('from offset 25005 on') as unknown }],
    });
  });
});

test('what retention keeps is looked through, also where it overtakes the search', async () => {
  const other = await openEmbeddedLog({ directory: join(folder, 'forgetful'), partitions: 2 });
  await other.append(
    'events',
    ['gone', 'kept'].map((requestId) => recordOf(shown(requestId))),
  );
  const bounds = await other.bounds('events');
  await other.forget('events', home === 0 ? [1, 0] : [0, 1]);
  let asked = 0;
  const before: EventLog = {
    ...other,
    bounds: () => (asked++ === 0 ? Promise.resolve(bounds) : other.bounds('events')),
  };
  expect(await findImpression({ log: before, requestId: 'kept' })).toMatchObject({ requestId: 'kept' });
  asked = 0;
  expect(await findImpression({ log: before, requestId: 'gone' })).toBeUndefined();
  await other.close();
});
