import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openKafkaLog, openSpooledLog, type EventLog, type LogReader, type NewRecord } from '../../src/events/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { until } from '../until.js';
import { startFakeBroker, type FakeBroker } from './kafka-fake-broker.js';
import { createFolder, textOf } from './spool-logs.js';

let broker: FakeBroker;
let lines: string[] = [];
const opened: EventLog[] = [];

const open = async (timeoutMs = 20_000): Promise<EventLog> => {
  const logger = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const log = await openKafkaLog({ brokers: [broker.address], timeoutMs, logger });
  opened.push(log);
  return log;
};

const placed = (partition: number, value: string): NewRecord => ({
  partition,
  time: 1000,
  value: new TextEncoder().encode(value),
});

/** What comes, by partition, as it comes. */
const collect = (reader: LogReader): { readonly seen: string[][]; readonly stop: () => Promise<void> } => {
  const seen: string[][] = [[], [], []];
  const state = { reading: true };
  const done = (async () => {
    while (state.reading)
      for (const record of await reader.next({ most: 100, waitMs: 50 })) seen[record.partition]?.push(textOf(record));
  })();
  return {
    seen,
    async stop() {
      state.reading = false;
      await done;
    },
  };
};

beforeEach(async () => {
  broker = await startFakeBroker(3);
  lines = [];
});
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
  await broker.close();
});

describe('a topic of which one partition has no leader', () => {
  test('goes on being written and read; the partition follows when it has one, each record once and in order', async () => {
    const log = await open();
    const reader = await log.reader('events', { from: 'start' });
    const { seen, stop } = collect(reader);
    await log.append('events', [placed(0, 'a0'), placed(1, 'b0'), placed(2, 'c0')]);
    await until(() => seen.flat().length === 3);

    broker.leaderless.add(1);
    const waiting = ['b1', 'b2'].map((value) => log.append('events', [placed(1, value)]));
    for (const i of [1, 2, 3]) await log.append('events', [placed(0, `a${i}`), placed(2, `c${i}`)]);
    await until(() => seen[0]?.length === 4 && seen[2]?.length === 4);
    expect(seen[1]).toEqual(['b0']);

    waiting.push(log.append('events', [placed(1, 'b3')]));
    broker.leaderless.clear();
    await Promise.all(waiting);
    await until(() => seen[1]?.length === 4);
    expect(seen).toEqual(['a', 'b', 'c'].map((of) => [`${of}0`, `${of}1`, `${of}2`, `${of}3`]));
    await stop();
    const told = (message: string): string[] => lines.filter((line) => line.includes(message));
    expect(told('partitions have no leader')).toHaveLength(1);
    expect(told('partitions have no leader')[0]).toContain('"partitions":[1]');
    expect(told('all partitions have a leader')).toHaveLength(1);
    expect(told('its records wait')).toHaveLength(1);
  });

  test('is written on through a spool for longer than a write may take; what waited follows once and in order', async () => {
    const folder = createFolder();
    const spool = await folder.open('spool', 1);
    const log = await openSpooledLog({ log: await open(300), spool, maxBytes: 1 << 20 });
    opened.push(log);
    const { seen, stop } = collect(await log.reader('events', { from: [0, 0, 0] }));
    await log.append('events', [placed(0, 'a0'), placed(1, 'b0'), placed(2, 'c0')]);
    await until(() => seen.flat().length === 3);
    broker.leaderless.add(1);
    const sent = [1, 2, 3, 4].map((i) => log.append('events', [placed(0, `a${i}`), placed(1, `b${i}`)]));
    await Promise.all(sent);
    await log.append('events', [placed(0, 'a5'), placed(1, 'b5')]);
    await until(() => seen[0]?.length === 6);
    expect(seen[1]).toEqual(['b0']);
    broker.leaderless.clear();
    await until(() => log.spooled('events').records === 0 && seen[1]?.length === 6);
    await stop();
    expect(seen).toEqual([['a0', 'a1', 'a2', 'a3', 'a4', 'a5'], ['b0', 'b1', 'b2', 'b3', 'b4', 'b5'], ['c0']]);
    await opened.pop()?.close();
    folder.remove();
  });

  test('is found with all of its partitions by who starts meanwhile, and read from where somebody stopped', async () => {
    const before = await open();
    await before.append('events', [placed(0, 'a0'), placed(1, 'b0')]);
    broker.leaderless.add(1);
    const log = await open();
    expect(await log.partitions('events')).toBe(3);
    const { seen, stop } = collect(await log.reader('events', { from: [0, 0, 0] }));
    await until(() => seen[0]?.length === 1);
    broker.leaderless.clear();
    await until(() => seen[1]?.length === 1);
    await stop();
  });

  test('has no bounds that anybody could tell, but those of the others are told', async () => {
    const log = await open(300);
    broker.leaderless.add(1);
    await expect(log.bounds('events')).rejects.toMatchObject({
      code: 'log_unavailable',
      problems: [{ message: expect.stringContaining('partition 1 has no leader') }],
    });
    const reader = await log.reader('events', { from: 'end', partitions: [0, 2] });
    await log.append('events', [placed(2, 'c0')]);
    expect((await reader.next({ most: 10, waitMs: 5000 })).map(textOf)).toEqual(['c0']);
  });
});
