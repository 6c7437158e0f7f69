import { afterEach, describe, expect, test } from '@jest/globals';
import { partitionOf, type EventLog, type LogReader, type LogRecord, type NewRecord } from '../../src/events/index.js';

/** A log under test, empty, with four partitions in each topic. */
export interface LogUnderTest {
  readonly log: EventLog;
  /** Another client of the same log, as another process would open it. The first may still be open. */
  readonly another: () => Promise<EventLog>;
  /** Closes what was opened, and removes what it left behind. */
  readonly dispose: () => Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = ({ value }: LogRecord): string => new TextDecoder().decode(value);
const keyed = (key: string, value: string, time = 1000): NewRecord => ({ key, time, value: bytes(value) });
const placed = (partition: number, value: string, time = 1000): NewRecord => ({ partition, time, value: bytes(value) });

/** Reads until `count` records came, or nothing more for twenty seconds. */
export async function readRecords(reader: LogReader, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  while (records.length < count) {
    const more = await reader.next({ most: 1000, waitMs: 20_000 });
    if (more.length === 0) break;
    records.push(...more);
  }
  return records;
}

const byPartition = (records: readonly LogRecord[], partitions = 4): string[][] =>
  Array.from({ length: partitions }, (_, partition) =>
    records.filter((record) => record.partition === partition).map(text),
  );

/** What every event log promises. `open` makes an empty one for each test. */
export function eventLogContract(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`the ${name} event log`, () => {
    const opened: LogUnderTest[] = [];
    const readers: LogReader[] = [];
    afterEach(async () => {
      await Promise.all(readers.splice(0).map((reader) => reader.close()));
      for (const { dispose } of opened.splice(0)) await dispose();
    });
    const fresh = async (): Promise<LogUnderTest> => {
      const under = await open();
      opened.push(under);
      return under;
    };
    const reading = async (log: EventLog, ...args: Parameters<EventLog['reader']>): Promise<LogReader> => {
      const reader = await log.reader(...args);
      readers.push(reader);
      return reader;
    };

    test('gives back what was appended: bytes, times, keys in their partitions, in order', async () => {
      const { log } = await fresh();
      expect(await log.partitions('events')).toBe(4);
      const every = Uint8Array.from({ length: 256 }, (_, i) => i);
      const users = Array.from({ length: 40 }, (_, i) => `user-${i % 10}`);
      await log.append(
        'events',
        users.map((user, i) => keyed(user, `${user} ${i}`, 1000 + i)),
      );
      await log.append('events', [{ partition: 2, time: 5, value: every }, placed(2, '')]);
      const records = await readRecords(await reading(log, 'events', { from: 'start' }), 42);
      const expected: string[][] = [[], [], [], []];
      users.forEach((user, i) => expected[partitionOf(user, 4)]!.push(`${user} ${i}`));
      const [odd, empty] = records.filter(({ partition }) => partition === 2).slice(-2);
      expect([...odd!.value]).toEqual([...every]);
      expect(odd!.time).toBe(5);
      expect(empty!.value).toHaveLength(0);
      const rest = records.filter((record) => record !== odd && record !== empty);
      expect(byPartition(rest)).toEqual(expected);
      for (const record of rest) expect(record.time).toBe(1000 + Number(text(record).split(' ')[1]));
    });

    test('gives offsets that ascend, and bounds that hold them', async () => {
      const { log } = await fresh();
      const before = await log.bounds('events');
      for (let i = 0; i < 3; i++) await log.append('events', [placed(1, `${i}`), placed(3, `${i}`)]);
      const records = await readRecords(await reading(log, 'events', { from: 'start' }), 6);
      const after = await log.bounds('events');
      for (const partition of [1, 3]) {
        const offsets = records.filter((record) => record.partition === partition).map(({ offset }) => offset);
        expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
        expect(offsets[0]).toBeGreaterThanOrEqual(after[partition]!.first);
        expect(offsets.at(-1)!).toBeLessThan(after[partition]!.next);
      }
      expect(after[0]).toEqual(before[0]);
      expect(after).toHaveLength(4);
    });

    test('keeps the order of calls that were not waited for', async () => {
      const { log } = await fresh();
      await Promise.all(Array.from({ length: 200 }, (_, i) => log.append('events', [placed(i % 2, `${i}`)])));
      const records = await readRecords(await reading(log, 'events', { from: 'start' }), 200);
      const even = Array.from({ length: 100 }, (_, i) => `${2 * i}`);
      const odd = Array.from({ length: 100 }, (_, i) => `${2 * i + 1}`);
      expect(byPartition(records)).toEqual([even, odd, [], []]);
    });

    test('reads on from offsets, from the end, and of some partitions only', async () => {
      const { log } = await fresh();
      await log.append('events', [placed(0, 'a'), placed(0, 'b'), placed(1, 'c')]);
      const [first, second] = await readRecords(await reading(log, 'events', { from: 'start', partitions: [0] }), 2);
      expect([first, second].map((record) => text(record!))).toEqual(['a', 'b']);
      const from = (await log.bounds('events')).map(({ first: start }) => start);
      from[0] = second!.offset;
      const end = await reading(log, 'events', { from: 'end' });
      const middle = await reading(log, 'events', { from });
      await log.append('events', [placed(0, 'd'), placed(3, 'e')]);
      expect(byPartition(await readRecords(middle, 4))).toEqual([['b', 'd'], ['c'], [], ['e']]);
      expect(byPartition(await readRecords(end, 2))).toEqual([['d'], [], [], ['e']]);
    });

    test('waits for the first record, no longer than it is asked to', async () => {
      const { log } = await fresh();
      const reader = await reading(log, 'events', { from: 'start' });
      const started = performance.now();
      expect(await reader.next({ most: 10, waitMs: 100 })).toEqual([]);
      expect(performance.now() - started).toBeGreaterThan(80);
      const waiting = readRecords(reader, 1);
      await log.append('events', [placed(0, 'now')]);
      expect((await waiting).map(text)).toEqual(['now']);
    });

    // Asked for 5 of four partitions, the last one has nothing left to give.
    test.each([7, 5])('answers no more than the %d records it is asked for, and then the next ones', async (most) => {
      const { log } = await fresh();
      await log.append(
        'events',
        Array.from({ length: 50 }, (_, i) => placed(i % 4, `${i}`)),
      );
      const reader = await reading(log, 'events', { from: 'start' });
      const records: LogRecord[] = [];
      for (;;) {
        const more = await reader.next({ most, waitMs: 10_000 });
        expect(more.length).toBeLessThanOrEqual(most);
        records.push(...more);
        if (records.length >= 50 || more.length === 0) break;
      }
      const expected = [0, 1, 2, 3].map((p) => Array.from({ length: p < 2 ? 13 : 12 }, (_, i) => `${4 * i + p}`));
      expect(byPartition(records)).toEqual(expected);
    });

    test('keeps topics apart', async () => {
      const { log } = await fresh();
      await log.append('events', [placed(0, 'event')]);
      await log.append('dead-letters', [placed(0, 'letter')]);
      const letters = await readRecords(await reading(log, 'dead-letters', { from: 'start' }), 1);
      expect(letters.map(text)).toEqual(['letter']);
      expect((await log.bounds('examples')).every(({ first, next }) => first === next)).toBe(true);
    });

    test('is read by several clients, each at its own pace, while it is written', async () => {
      const { log, another } = await fresh();
      const others = [await another(), await another()];
      const readersOfOthers = await Promise.all(others.map((each) => reading(each, 'events', { from: 'start' })));
      const reads = readersOfOthers.map((reader) => readRecords(reader, 300));
      for (let i = 0; i < 30; i++)
        await log.append(
          'events',
          Array.from({ length: 10 }, (_, k) => placed(k % 4, `${10 * i + k}`)),
        );
      const [one, two] = await Promise.all(reads);
      expect(one!).toHaveLength(300);
      expect(byPartition(one!)).toEqual(byPartition(two!));
      const numbers = byPartition(one!).map((texts) => texts.map(Number));
      for (const list of numbers) expect(list).toEqual([...list].sort((a, b) => a - b));
      for (const other of others) await other.close();
    });

    test('has everything when it is opened again', async () => {
      const { log, another } = await fresh();
      await log.append('events', [placed(0, 'kept'), placed(1, 'too')]);
      const bounds = await log.bounds('events');
      await log.close();
      const again = await another();
      expect(await log.append('events', [placed(0, 'late')]).catch((error: unknown) => error)).toMatchObject({
        code: 'log_unavailable',
      });
      expect(await again.bounds('events')).toEqual(bounds);
      await again.append('events', [placed(0, 'more')]);
      const records = await readRecords(await reading(again, 'events', { from: 'start' }), 3);
      expect(byPartition(records)).toEqual([['kept', 'more'], ['too'], [], []]);
      await again.close();
    });

    test('refuses a partition that there is not with what there is, and takes nothing of the call', async () => {
      const { log } = await fresh();
      const refused = log.append('dead-letters', [placed(3, 'fits'), placed(4, 'does not'), placed(-1, 'neither')]);
      await expect(refused).rejects.toMatchObject({
        code: 'event_invalid',
        problems: [
          { path: 'records/1', message: 'partition 4 does not exist: there are 4' },
          { path: 'records/2', message: 'partition -1 does not exist: there are 4' },
        ],
      });
      expect((await log.bounds('dead-letters')).every(({ first, next }) => first === next)).toBe(true);
    });

    test('takes large records and many small ones', async () => {
      const { log } = await fresh();
      const large = new Uint8Array(300_000).map((_, i) => i * 7);
      await log.append('events', [{ partition: 0, time: 1, value: large }]);
      await log.append(
        'events',
        Array.from({ length: 3000 }, (_, i) => placed(1, `${i}`)),
      );
      const records = await readRecords(await reading(log, 'events', { from: 'start' }), 3001);
      expect(Buffer.compare(records.find(({ partition }) => partition === 0)!.value, large)).toBe(0);
      expect(byPartition(records)[1]).toEqual(Array.from({ length: 3000 }, (_, i) => `${i}`));
    });

    test('shares no memory with who appends and who reads', async () => {
      const { log } = await fresh();
      const value = bytes('as written');
      const appended = log.append('events', [{ partition: 0, time: 1, value }]);
      await appended;
      value.fill(0);
      const [first] = await readRecords(await reading(log, 'events', { from: 'start' }), 1);
      expect(text(first!)).toBe('as written');
      await log.append('events', [placed(0, 'other')]);
      const [, second] = await readRecords(await reading(log, 'events', { from: 'start' }), 2);
      expect([text(first!), text(second!)]).toEqual(['as written', 'other']);
    });
  });
}
