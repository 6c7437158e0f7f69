import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import {
  openSpooledLog,
  partitionOf,
  recordOf,
  type EmbeddedLog,
  type EventLog,
  type NewRecord,
  type SpooledLog,
} from '../../src/events/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { until } from '../until.js';
import { createFolder, everything, flaky, keyed, textOf, type FlakyLog } from './spool-logs.js';

let folder: ReturnType<typeof createFolder>;
let behind: EmbeddedLog;
let log: FlakyLog;
let now = 0;
const metrics = createMetrics();
let lines: string[] = [];
const opened: SpooledLog[] = [];

/** Of each read of the spool. */
let readBytes: number[] = [];

const openSpool = async (): Promise<EmbeddedLog> => {
  const spool = await folder.open('spool', 1);
  const reader: EmbeddedLog['reader'] = async (...about) => {
    const opened = await spool.reader(...about);
    const next: typeof opened.next = async (options) => {
      const records = await opened.next(options);
      readBytes.push(records.reduce((sum, { value }) => sum + value.length, 0));
      return records;
    };
    return { next, close: () => opened.close() };
  };
  return { ...spool, reader };
};

const openWith = async (maxBytes = 1 << 20): Promise<SpooledLog> => {
  const spooled = await openSpooledLog({
    log,
    spool: await openSpool(),
    maxBytes,
    metrics,
    logger: createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }),
    now: () => now,
  });
  opened.push(spooled);
  return spooled;
};

const drained = async (spooled: SpooledLog): Promise<void> => {
  await until(() => spooled.spooled('events').records === 0);
  expect(spooled.spooled('events')).toEqual({ records: 0, bytes: 0, since: undefined });
};

const texts = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `${from + i}`);

beforeEach(async () => {
  folder = createFolder();
  behind = await folder.open('log', 4);
  log = flaky(behind);
  now = 5000;
  lines = [];
  readBytes = [];
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  folder.remove();
});

describe('a spooled log', () => {
  test('writes straight through while the log is there', async () => {
    const spooled = await openWith();
    await spooled.append('events', [keyed('a', '1'), keyed('b', '2')]);
    expect(spooled.spooled('events').records).toBe(0);
    expect((await everything(behind, 'events', 2)).map(textOf).sort()).toEqual(['1', '2']);
    expect(spooled.kind).toBe('kafka');
    expect(await spooled.partitions('events')).toBe(4);
    expect(await spooled.bounds('events')).toEqual(await behind.bounds('events'));
  });

  test('takes records while the log is away, and forwards them in their order, keys and times kept', async () => {
    const spooled = await openWith();
    log.leave();
    for (const value of texts(20))
      await spooled.append('events', [keyed(`user-${Number(value) % 3}`, value, Number(value))]);
    await spooled.append('events', [{ partition: 3, time: 77, value: new Uint8Array([9]) }]);
    expect(spooled.spooled('events')).toMatchObject({ records: 21, since: 5000 });
    expect(await behind.bounds('events')).toEqual(Array(4).fill({ first: 0, next: 0 }));
    log.comeBack();
    await drained(spooled);
    const records = await everything(behind, 'events', 21);
    for (const user of [0, 1, 2]) {
      const own = records.filter((record) => record.time < 20 && record.time % 3 === user);
      expect(own.map(textOf)).toEqual(texts(20).filter((value) => Number(value) % 3 === user));
      expect(new Set(own.map(({ partition }) => partition))).toEqual(new Set([partitionOf(`user-${user}`, 4)]));
      expect(own.map(({ time }) => String(time))).toEqual(own.map(textOf));
    }
    expect(records.find(({ time }) => time === 77)).toMatchObject({ partition: 3, value: new Uint8Array([9]) });
  });

  test('lets nothing overtake: calls under way when the log leaves, calls while it is away and after it is back', async () => {
    const spooled = await openWith();
    const calls: Promise<void>[] = [];
    log.leave(13);
    for (const value of texts(60)) calls.push(spooled.append('events', [keyed('one', value)]));
    await Promise.all(calls);
    expect(spooled.spooled('events').records).toBe(47);
    log.comeBack();
    for (const value of texts(200, 60)) {
      const call = spooled.append('events', [keyed('one', value)]);
      if (Number(value) % 7 === 0) await call;
      if (Number(value) % 50 === 0) log.leave(3);
      if (Number(value) % 50 === 25) log.comeBack();
    }
    log.comeBack();
    await drained(spooled);
    expect((await everything(behind, 'events', 260)).map(textOf)).toEqual(texts(260));
  });

  test('takes at once what comes faster than the log takes it, and forwards it in order', async () => {
    const spooled = await openWith(8 << 20);
    const large = 'x'.repeat((1 << 20) + 1);
    log.pause();
    await spooled.append('events', [keyed('one', `0${large}`), keyed('one', `1${large}`)]);
    await spooled.append('events', [keyed('one', '2')]);
    expect(spooled.spooled('events').records).toBe(3);
    log.resume();
    await drained(spooled);
    await spooled.append('events', [keyed('one', '3')]);
    expect((await everything(behind, 'events', 4)).map((record) => textOf(record)[0])).toEqual(texts(4));
    expect(lines.some((line) => line.includes('the log is behind'))).toBe(true);
  });

  test('reads what waits by the megabyte, however much it is: who reads waits for nobody else meanwhile', async () => {
    const large = 'x'.repeat(200_000);
    const first = await openWith(16 << 20);
    log.leave();
    for (const value of texts(40)) await first.append('events', [keyed('one', `${value} ${large}`)]);
    await first.close();
    log = flaky((behind = await folder.open('log', 4)));
    readBytes = [];
    await drained(await openWith(16 << 20));
    expect((await everything(behind, 'events', 40)).map((record) => textOf(record).split(' ')[0])).toEqual(texts(40));
    expect(readBytes.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(2 * 40 * 200_000);
    expect(Math.max(...readBytes)).toBeLessThan(1.7e6);
  });

  test('a call that is refused while others are under way waits until they are settled', async () => {
    const spooled = await openWith();
    log.leave(1);
    const first = spooled.append('events', [keyed('a', '0')]);
    const second = spooled.append('events', [keyed('a', '1')]);
    const third = second.then(() => spooled.append('events', [keyed('a', '2')]));
    await Promise.all([first, second, third]);
    expect(spooled.spooled('events').records).toBe(2);
    log.comeBack();
    await drained(spooled);
    expect((await everything(behind, 'events', 3)).map(textOf)).toEqual(texts(3));
  });

  test('has what it took after it was closed, or not even closed, and opened again', async () => {
    const spooled = await openWith();
    log.leave();
    await spooled.append(
      'events',
      texts(10).map((value) => keyed('a', value)),
    );
    const { bytes } = spooled.spooled('events');
    await opened.pop()?.close();
    behind = await folder.open('log', 4);
    log = flaky(behind);
    log.leave();
    now = 9000;
    const again = await openWith();
    expect(again.spooled('events')).toEqual({ records: 10, bytes, since: 5000 });
    const behindIt = again.append('events', [keyed('a', '10')]);
    log.comeBack();
    await behindIt;
    await drained(again);
    expect((await everything(behind, 'events', 11)).map(textOf)).toEqual(texts(11));
  });

  test('what was forwarded but not forgotten, as after a kill, is forwarded again in its order', async () => {
    const store = await folder.open('spool', 1);
    const killed = await openSpooledLog({
      log,
      spool: { ...store, forget: () => Promise.reject(new Error('killed')) },
      maxBytes: 1 << 20,
    });
    log.leave();
    await killed.append(
      'events',
      texts(3).map((value) => keyed('a', value)),
    );
    log.comeBack();
    expect((await everything(behind, 'events', 3)).map(textOf)).toEqual(texts(3));
    await killed.append('events', [keyed('a', '3')]);
    await killed.close();
    behind = await folder.open('log', 4);
    log = flaky(behind);
    await drained(await openWith());
    expect((await everything(behind, 'events', 7)).map(textOf)).toEqual([...texts(3), ...texts(4)]);
  });

  test('what was forwarded is not forwarded again after the next start', async () => {
    const spooled = await openWith();
    log.leave();
    await spooled.append(
      'events',
      texts(1500).map((value) => keyed('a', value)),
    );
    log.comeBack();
    await drained(spooled);
    await opened.pop()?.close();
    behind = await folder.open('log', 4);
    log = flaky(behind);
    const again = await openWith();
    expect(again.spooled('events').records).toBe(0);
    await again.append('events', [keyed('a', '1500')]);
    expect((await everything(behind, 'events', 1501)).map(textOf)).toEqual(texts(1501));
  });

  test('is full at its limit, says so, and takes records again once some are forwarded', async () => {
    const spooled = await openWith(300);
    log.leave();
    const append = (value: string): Promise<void> => spooled.append('events', [keyed('user', value.padEnd(80, '.'))]);
    for (const value of texts(3)) await append(value);
    await expect(append('3')).rejects.toMatchObject({ code: 'log_full', retriable: true });
    expect(spooled.spooled('events').records).toBe(3);
    log.comeBack();
    await drained(spooled);
    await append('4');
    const values = (await everything(behind, 'events', 4)).map((record) => textOf(record).replaceAll('.', ''));
    expect(values).toEqual(['0', '1', '2', '4']);
  });

  test('leaves to the caller what the log refuses for other reasons', async () => {
    const spooled = await openWith();
    log.refuseNext(new WatchnextError('event_invalid', 'no'));
    await expect(spooled.append('events', [keyed('a', '0')])).rejects.toMatchObject({ code: 'event_invalid' });
    expect(spooled.spooled('events').records).toBe(0);
  });

  test('refuses what the log never takes also while the log is away: it would keep all others waiting', async () => {
    const check: EventLog['check'] = (records) => {
      if (records.some(({ value }) => value.length > 100)) throw new WatchnextError('event_invalid', 'too large');
    };
    log = { ...log, check };
    const spooled = await openWith();
    log.leave();
    const calls = ['0', 'x'.repeat(101), '1'].map((value) => spooled.append('events', [keyed('a', value)]));
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    log.comeBack();
    await drained(spooled);
    expect((await everything(behind, 'events', 2)).map(textOf)).toEqual(['0', '1']);
  });

  test('stops at a spooled record that the log refuses, says so once, and goes on when it is taken', async () => {
    const first = await openWith();
    log.leave();
    await first.append(
      'events',
      texts(3).map((value) => keyed('a', value)),
    );
    await opened.pop()?.close();
    log = flaky((behind = await folder.open('log', 4)));
    // It may be away first: that is said elsewhere, and is no reason to keep quiet about what comes then.
    log.refuseNext(new WatchnextError('log_unavailable', 'still away'));
    log.refuseNext(new WatchnextError('event_invalid', 'too large for the topic'));
    await drained(await openWith());
    expect((await everything(behind, 'events', 3)).map(textOf)).toEqual(texts(3));
    const told = lines.filter((line) => line.includes('refuses spooled events'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('too large for the topic');
  });

  test('goes on forwarding what is for other partitions while the log refuses one, each record once and in order', async () => {
    const spooled = await openWith();
    const append = (...values: string[]): Promise<void> =>
      spooled.append(
        'events',
        values.map((value) => {
          const { time, value: bytes } = keyed('', value);
          return { time, value: bytes, partition: Number(value[0]) };
        }),
      );
    await append('0a', '1a');
    await until(async () => (await everything(behind, 'events', 2)).length === 2);
    log.standing.add(1);
    await Promise.all([append('0b', '1b', '2b'), append('1c'), append('0c')]);
    for (const i of ['d', 'e', 'f']) await append(`0${i}`, `1${i}`, `3${i}`);
    const ofPartition = async (partition: number): Promise<string[]> => {
      const { next = 0 } = (await behind.bounds('events'))[partition] ?? {};
      const reader = await behind.reader('events', { from: 'start', partitions: [partition] });
      const texts = next === 0 ? [] : (await reader.next({ most: 100, waitMs: 0 })).map(textOf);
      await reader.close();
      return texts;
    };
    await until(async () => (await ofPartition(0)).length >= 6 && (await ofPartition(3)).length >= 3);
    expect(await ofPartition(1)).toEqual(['1a']);
    expect(spooled.spooled('events').records).toBeGreaterThan(0);
    log.standing.clear();
    await drained(spooled);
    expect(await ofPartition(0)).toEqual(['0a', '0b', '0c', '0d', '0e', '0f']);
    expect(await ofPartition(1)).toEqual(['1a', '1b', '1c', '1d', '1e', '1f']);
    expect(await ofPartition(2)).toEqual(['2b']);
    expect(await ofPartition(3)).toEqual(['3d', '3e', '3f']);
  });

  test('is closed while the log refuses one partition, and has what was for it after the next start', async () => {
    const spooled = await openWith();
    await spooled.append('events', [keyed('a', '0')]);
    log.standing.add(partitionOf('a', 4));
    await spooled.append('events', [keyed('a', '1')]);
    await spooled.append('events', [keyed('a', '2')]);
    await opened.pop()?.close();
    behind = await folder.open('log', 4);
    log = flaky(behind);
    await drained(await openWith());
    expect((await everything(behind, 'events', 3)).map(textOf)).toEqual(texts(3));
  });

  test('leaves out time markers for partitions that the log does not have any more, and forwards the rest', async () => {
    const first = await openWith();
    log.leave();
    const marker = (partition: number): NewRecord => recordOf({ kind: 'marker', time: 1000 + partition }, partition);
    await first.append('events', [keyed('a', '0'), marker(0), marker(3), keyed('a', '1')]);
    await opened.pop()?.close();
    behind = await folder.open('smaller log', 2);
    log = flaky(behind);
    const again = await openWith();
    await drained(again);
    await again.append('events', [keyed('a', '2')]);
    const records = await everything(behind, 'events', 4);
    expect(records.filter(({ time }) => time === 1000).map(textOf)).toHaveLength(4);
    const ofUser = records.filter(({ value }) => value.length === 1);
    expect(ofUser.map(textOf)).toEqual(texts(3));
    expect(lines.filter((line) => line.includes('partitions that are gone'))).toHaveLength(1);
  });

  test('keeps topics apart: one that waits does not hold another', async () => {
    const spooled = await openWith();
    log.leave();
    await spooled.append('events', [keyed('a', '0')]);
    expect(spooled.spooled('dead-letters').records).toBe(0);
    await spooled.append('dead-letters', [keyed('a', 'letter')]);
    expect(spooled.spooled('dead-letters').records).toBe(1);
    log.comeBack();
    await drained(spooled);
    expect((await everything(behind, 'dead-letters', 1)).map(textOf)).toEqual(['letter']);
  });

  test('shows what waits, for how long, and what was forwarded', async () => {
    const spooled = await openWith();
    log.leave();
    await spooled.append(
      'events',
      texts(4).map((value) => keyed('a', value)),
    );
    now = 7500;
    const away = await metrics.scrape();
    expect(away).toContain('watchnext_spool_records{topic="events"} 4');
    expect(away).toContain('watchnext_spool_oldest_seconds{topic="events"} 2.5');
    expect(away).toMatch(/watchnext_spool_bytes\{topic="events"\} [1-9]/);
    const before = Number(/watchnext_spool_forwarded_total\{topic="events"\} (\d+)/.exec(away)?.[1] ?? 0);
    log.comeBack();
    await drained(spooled);
    const back = await metrics.scrape();
    expect(back).toContain('watchnext_spool_records{topic="events"} 0');
    expect(back).toContain('watchnext_spool_oldest_seconds{topic="events"} 0');
    expect(back).toContain(`watchnext_spool_forwarded_total{topic="events"} ${before + 4}`);
  });

  test('refuses what comes after it is closed', async () => {
    const spooled = await openWith();
    await opened.pop()?.close();
    await expect(spooled.append('events', [keyed('a', '0')])).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
