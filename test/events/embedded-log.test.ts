import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openEmbeddedLog, type EmbeddedLog, type EmbeddedLogOptions, type NewRecord } from '../../src/events/index.js';
import { TopicStore } from '../../src/events/embedded/store.js';
import { eventLogContract, readRecords } from '../contract/event-log.js';
import { until } from '../until.js';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'watchnext-log-'));

eventLogContract('embedded', async () => {
  const directory = newFolder();
  const log = await openEmbeddedLog({ directory });
  return {
    log,
    another: () => openEmbeddedLog({ directory }),
    dispose: async () => {
      await log.close();
      rmSync(directory, { recursive: true });
    },
  };
});

const folders: string[] = [];
const logs: EmbeddedLog[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(logs.splice(0).map((log) => log.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const folder = (): string => {
  const made = newFolder();
  folders.push(made);
  return made;
};
const openLog = async (directory: string, options: Partial<EmbeddedLogOptions> = {}): Promise<EmbeddedLog> => {
  const log = await openEmbeddedLog({ directory, ...options });
  logs.push(log);
  return log;
};
const records = (count: number, bytes = 100, partition = 0): NewRecord[] =>
  Array.from({ length: count }, (_, i) => ({ partition, time: i, value: new Uint8Array(bytes).fill(i) }));

/** A process that works on the log, and the lines it says. */
interface Started {
  readonly child: ChildProcess;
  readonly line: () => Promise<string>;
}
const start = (...args: string[]): Started => started(args, 'inherit');
const startQuietly = (...args: string[]): Started => started(args, 'ignore');

const started = (args: readonly string[], errors: 'inherit' | 'ignore'): Started => {
  const program = ['--import', './test/typescript/register.js', 'test/events/log-process.ts', ...args];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', errors] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => String((await lines.next()).value) };
};

describe('a writing process that is killed', () => {
  test('loses nothing that was durable, leaves nothing in parts, and does not lock the log', async () => {
    const directory = folder();
    let durable = 0;
    for (const lines of [3, 11]) {
      const { child, line } = start('write', directory);
      for (let i = 0; i < lines; i++) durable = Number(await line());
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      const log = await openEmbeddedLog({ directory });
      const [bounds] = await log.bounds('events');
      expect(bounds!.next).toBeGreaterThanOrEqual(durable);
      expect(bounds!.next % 10).toBe(0);
      durable = bounds!.next;
      await log.close();
    }
    const log = await openLog(directory);
    const all = await readRecords(await log.reader('events', { from: 'start' }), durable);
    expect(all.map(({ time }) => time)).toEqual(Array.from({ length: durable }, (_, i) => i));
    for (const { time, value } of all) expect(value.every((byte) => byte === time % 251)).toBe(true);
    await log.append('events', records(1));
    expect((await log.bounds('events'))[0]!.next).toBe(durable + 1);
  });
});

describe('other processes', () => {
  test('read what one writes, in order, each record whole', async () => {
    const directory = folder();
    const log = await openLog(directory);
    const readers = [start('read', directory, '400'), start('read', directory, '400')];
    for (let i = 0; i < 400; i += 10) {
      const value = (k: number): Uint8Array => new Uint8Array(k % 10 === 0 ? 20_000 : 100).fill(k % 251);
      await log.append(
        'events',
        Array.from({ length: 10 }, (_, k) => ({ partition: 0, time: i + k, value: value(i + k) })),
      );
    }
    expect(await Promise.all(readers.map(({ line }) => line()))).toEqual(['400', '400']);
  });

  test('are refused as writers of the same topic, with the name of the one that writes', async () => {
    const directory = folder();
    const { child, line } = start('hold', directory);
    expect(await line()).toBe('holds');
    const log = await openLog(directory);
    const refused = expect.objectContaining({
      code: 'log_locked',
      message: expect.stringMatching(new RegExp(`^Process ${child.pid} writes .*${directory}`)),
    });
    await expect(openEmbeddedLog({ directory, writes: ['events'] })).rejects.toEqual(refused);
    await expect(log.append('events', records(1))).rejects.toEqual(refused);
    await log.append('examples', records(1));
    expect(await log.reader('events', { from: 'start' }).then((reader) => reader.next({ most: 1, waitMs: 0 }))).toEqual(
      [],
    );
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await log.append('events', records(1));
    const second = start('hold', directory);
    expect(await second.line()).toContain('log_locked');
  });

  test('may write when the writer has closed the log', async () => {
    const directory = folder();
    const log = await openEmbeddedLog({ directory, writes: ['events'] });
    await log.close();
    const { line } = start('hold', directory);
    expect(await line()).toBe('holds');
  });
});

describe('retention', () => {
  const clock = { time: Date.UTC(2026, 4, 1) };
  const now = (): number => clock.time;
  const hourMs = 3_600_000;

  test('drops what is older than it keeps, and a reader that needs it is told', async () => {
    const log = await openLog(folder(), { retention: { ageMs: 24 * hourMs }, now });
    const reader = await log.reader('events', { from: 'start' });
    await log.append('events', records(10));
    clock.time += 20 * hourMs;
    await log.append('events', records(10));
    clock.time += 3 * hourMs;
    await log.append('events', records(1));
    expect((await log.bounds('events'))[0]).toEqual({ first: 0, next: 21 });
    clock.time += 2 * hourMs;
    await log.append('events', records(1));
    await until(async () => (await log.bounds('events'))[0]!.first > 0);
    expect((await log.bounds('events'))[0]).toEqual({ first: 10, next: 22 });
    expect(await readRecords(await log.reader('events', { from: 'start' }), 12)).toHaveLength(12);
    await expect(reader.next({ most: 1, waitMs: 0 })).rejects.toMatchObject({
      code: 'log_gap',
      problems: [{ path: 'events/0', message: expect.stringContaining('from 10 on') }],
    });
  });

  test('goes by when records came, not by the times of their events', async () => {
    const log = await openLog(folder(), { retention: { ageMs: 24 * hourMs }, now });
    await log.append('events', records(10));
    await log.trim('events');
    expect((await log.bounds('events'))[0]).toEqual({ first: 0, next: 10 });
  });

  test('can drop everything, and offsets go on', async () => {
    const log = await openLog(folder(), { retention: { ageMs: hourMs }, now });
    await log.append('events', records(10));
    clock.time += 2 * hourMs;
    await log.trim('events');
    expect((await log.bounds('events'))[0]).toEqual({ first: 10, next: 10 });
    expect(await log.bytes('events')).toEqual([0, 0, 0, 0]);
    await log.append('events', records(1));
    const [record] = await readRecords(await log.reader('events', { from: 'start' }), 1);
    expect(record!.offset).toBe(10);
  });

  test('keeps the size within its bound while records keep coming, the newest among them', async () => {
    const bytes = 2_000_000;
    const directory = folder();
    const log = await openLog(directory, { retention: { bytes }, now });
    await Promise.all(Array.from({ length: 60 }, (_, i) => log.append('events', records(100, 1000, i % 4))));
    const sum = async (): Promise<number> => (await log.bytes('events')).reduce((total, each) => total + each, 0);
    await until(async () => (await sum()) < bytes);
    expect(await sum()).toBeGreaterThan(bytes * 0.7);
    const bounds = await log.bounds('events');
    const count = bounds.reduce((left, { first, next }) => left + next - first, 0);
    const kept = await readRecords(await log.reader('events', { from: 'start' }), count);
    for (const [partition, { first, next }] of bounds.entries()) {
      expect(next).toBe(1500);
      expect(kept.find((record) => record.partition === partition)!.offset).toBe(first);
    }
  });
});

test('offsets beyond the end are of another log: said, not waited for', async () => {
  const log = await openLog(folder());
  const reader = await log.reader('events', { from: [5, 0, 0, 0] });
  await expect(reader.next({ most: 1, waitMs: 0 })).rejects.toMatchObject({
    code: 'log_gap',
    problems: [{ message: expect.stringContaining('another log') }],
  });
});

test('a reader in the same process wakes at once', async () => {
  const log = await openLog(folder());
  const reader = await log.reader('events', { from: 'end' });
  // It looks by a timer too, for what other processes write; while timers stand still only the append can wake it.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
  try {
    const waiting = reader.next({ most: 1, waitMs: 10_000 });
    await log.append('events', records(1));
    expect(await waiting).toHaveLength(1);
  } finally {
    jest.useRealTimers();
  }
});

describe('a reader of what its own process writes', () => {
  /** One round for each partition. */
  const roundsOf = (reads: { readonly mock: { readonly calls: readonly unknown[] } }): number =>
    reads.mock.calls.length / 4;
  const countReads = () => jest.spyOn(TopicStore.prototype, 'read');
  // It looks after a while, too: nothing passes of it.
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] }));
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  test('does not look again until something is appended, through whichever log', async () => {
    const directory = folder();
    const [log, other] = [await openLog(directory, { writes: ['events'] }), await openLog(directory)];
    const reader = await log.reader('events', { from: 'start' });
    const reads = countReads();
    for (let times = 0; times < 3; times++) expect(await reader.next({ most: 10, waitMs: 0 })).toEqual([]);
    expect(roundsOf(reads)).toBe(1);
    await other.append('events', records(1));
    expect(await reader.next({ most: 10, waitMs: 0 })).toHaveLength(1);
    expect(roundsOf(reads)).toBe(2);
    const next = reader.next({ most: 10, waitMs: 60_000 });
    await other.append('events', records(1));
    expect(await next).toHaveLength(1);
    await reader.close();
  });

  test('looks again after half a second all the same: another of its threads may write', async () => {
    const log = await openLog(folder(), { writes: ['events'] });
    const reader = await log.reader('events', { from: 'start' });
    const reads = countReads();
    for (let times = 0; times < 3; times++) {
      expect(await reader.next({ most: 10, waitMs: 0 })).toEqual([]);
      jest.advanceTimersByTime(500);
    }
    expect(roundsOf(reads)).toBe(3);
    await reader.close();
  });

  test('looks every time where another process may write', async () => {
    const log = await openLog(folder());
    const reader = await log.reader('events', { from: 'start' });
    const reads = countReads();
    for (let times = 0; times < 3; times++) expect(await reader.next({ most: 10, waitMs: 0 })).toEqual([]);
    expect(roundsOf(reads)).toBe(3);
    await reader.close();
  });

  test('reads on until nothing is left, however little it takes at once', async () => {
    const log = await openLog(folder(), { writes: ['events'] });
    const reader = await log.reader('events', { from: 'start' });
    await log.append('events', records(5));
    const found: number[] = [];
    for (let times = 0; times < 5; times++)
      found.push(...(await reader.next({ most: 1, waitMs: 0 })).map(({ offset }) => offset));
    expect(found).toEqual([0, 1, 2, 3, 4]);
    expect(await reader.next({ most: 1, waitMs: 0 })).toEqual([]);
    await reader.close();
  });
});

test('the process that writes it may open it again at any moment', async () => {
  const directory = folder();
  const log = await openLog(directory, { retention: { bytes: 2 ** 20 }, partitions: 1 });
  for (let round = 0; round < 20; round++) {
    const appended = log.append('events', records(500));
    // Half-way through: the transaction of what is appended is open or about to be.
    for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
    const again = await openEmbeddedLog({ directory });
    const [bounds] = await again.bounds('events');
    await again.close();
    await appended;
    expect(bounds!.next).toBeGreaterThanOrEqual(500 * round);
  }
  expect((await log.bounds('events'))[0]!.next).toBe(10_000);
});

test('closing ends a waiting reader, and waits for what is being appended', async () => {
  const directory = folder();
  const log = await openEmbeddedLog({ directory });
  const reader = await log.reader('events', { from: 'end' });
  const waiting = expect(reader.next({ most: 1, waitMs: 10_000 })).rejects.toMatchObject({ code: 'log_unavailable' });
  const appended = [log.append('events', records(3)), log.append('events', records(3))];
  await log.close();
  await Promise.all(appended);
  await waiting;
  await expect(log.append('examples', records(1))).rejects.toMatchObject({ code: 'log_unavailable' });
  expect((await (await openLog(directory)).bounds('events'))[0]!.next).toBe(6);
});

test('a file that is no log is refused as damaged', async () => {
  const directory = folder();
  mkdirSync(join(directory, 'events'));
  writeFileSync(join(directory, 'events', 'data.mdb'), Buffer.alloc(20_000, 'garbage'));
  await expect((await openLog(directory)).bounds('events')).rejects.toMatchObject({ code: 'log_damaged' });
});

/** A file system of 6 MB of its own; only root may make one. */
const mountSmall = (directory: string): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

test('a full disk refuses an append as a whole; with room again it goes on', async () => {
  const directory = folder();
  if (!mountSmall(directory)) {
    console.warn('skipped: only root can make a small disk to fill');
    return;
  }
  try {
    const filler = join(directory, 'filler');
    writeFileSync(filler, Buffer.alloc(3_000_000));
    // In a process of its own: LMDB says what fails on the console, too.
    const { line } = startQuietly('fill', directory, filler);
    const { failure, durable, next } = JSON.parse(await line()) as Record<'failure' | 'durable' | 'next', unknown>;
    expect(failure).toMatchObject({
      code: 'log_unavailable',
      problems: [{ hint: expect.stringContaining('the disk is full') }],
    });
    expect(next).toBe(durable);
    expect(JSON.parse(await line())).toEqual(Array.from({ length: Number(durable) + 10 }, (_, i) => i));
  } finally {
    execFileSync('umount', ['-l', directory]);
  }
});
