import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { openKafkaLog, openSpooledLog, type EventLog, type KafkaOptions } from '../../src/events/index.js';
import { eventLogContract, readRecords } from '../contract/event-log.js';
import { kafkasUnderTest, removeTopics, type KafkaUnderTest } from './kafka-broker.js';
import { createFolder, everything, keyed, textOf } from './spool-logs.js';
import { until } from '../until.js';

const kafkas = await kafkasUnderTest();
let prefixes = 0;
const freshPrefix = (): string => `test-${process.pid}-${(prefixes += 1)}.`;
const STARTING_MS = 120_000;

beforeAll(() => Promise.all(kafkas.map((kafka) => kafka.start())), STARTING_MS);
afterAll(async () => {
  for (const kafka of kafkas) {
    if (kafka.broker() === undefined) await removeTopics(kafka.brokers(), `test-${process.pid}-`);
    await kafka.stop();
  }
}, STARTING_MS);

const contractOn = (kafka: KafkaUnderTest, more: Partial<KafkaOptions>): void =>
  eventLogContract(`${kafka.name}, ${more.compression ?? 'none'},`, async () => {
    const options = { brokers: kafka.brokers(), topicPrefix: freshPrefix(), partitions: 4, timeoutMs: 20_000, ...more };
    const log = await openKafkaLog(options);
    return { log, another: () => openKafkaLog(options), dispose: () => log.close() };
  });

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** By user, what was read of each, in order. */
const byUser = (values: readonly string[]): Map<string, number[]> => {
  const numbers = new Map<string, number[]>();
  for (const value of values) {
    const [user = '', number = ''] = value.split(':');
    numbers.set(user, [...(numbers.get(user) ?? []), Number(number)]);
  }
  return numbers;
};

/** Appends without waiting, a few records of one of ten users a call, until it is told to stop. */
const startLoad = (log: EventLog): { readonly sent: () => number; stop(): Promise<Map<string, number>> } => {
  const next = new Map<string, number>();
  const calls: Promise<void>[] = [];
  const state = { running: true };
  let sent = 0;
  const done = (async () => {
    for (let call = 0; state.running; call++) {
      const user = `user-${call % 10}`;
      const from = next.get(user) ?? 0;
      const count = 1 + (call % 4);
      next.set(user, from + count);
      sent += count;
      calls.push(
        log.append(
          'events',
          Array.from({ length: count }, (_, i) => keyed(user, `${user}:${from + i}`)),
        ),
      );
      if (call % 5 === 0) await sleep(20);
    }
  })();
  return {
    sent: () => sent,
    async stop() {
      state.running = false;
      await done;
      await Promise.all(calls);
      return next;
    },
  };
};

const eachOnceInOrder = (sent: ReadonlyMap<string, number>): Map<string, number[]> =>
  new Map([...sent].map(([user, count]) => [user, Array.from({ length: count }, (_, i) => i)]));

for (const kafka of kafkas) contractOn(kafka, {});
for (const kafka of kafkas.slice(-1)) contractOn(kafka, { compression: 'gzip' });

const open = (kafka: KafkaUnderTest, more: Partial<KafkaOptions> = {}): Promise<EventLog> =>
  openKafkaLog({ brokers: kafka.brokers(), topicPrefix: freshPrefix(), partitions: 4, timeoutMs: 20_000, ...more });

const eachKafka = kafkas.length === 0 ? describe.skip : describe;
const onEach = (run: (kafka: KafkaUnderTest) => Promise<void>) => (): Promise<unknown> => Promise.all(kafkas.map(run));

eachKafka('the Kafka event log', () => {
  test(
    'takes the number of partitions that a topic has, and ends what it does not need',
    onEach(async (kafka) => {
      const topicPrefix = freshPrefix();
      const one = await open(kafka, { topicPrefix, partitions: 3 });
      expect(await one.partitions('events')).toBe(3);
      const other = await open(kafka, { topicPrefix, partitions: 7 });
      expect(await other.partitions('events')).toBe(3);
      expect(await other.partitions('examples')).toBe(7);
      await one.close();
      await other.close();
    }),
  );

  test(
    'keeps times that no broker takes: far ahead, before 1970, not whole',
    onEach(async (kafka) => {
      const log = await open(kafka);
      const times = [Date.now() + 30 * 24 * 3_600_000, -1, 0, 7, 1000.5, 99_999, 1_000_000_000_000];
      await log.append(
        'events',
        times.map((time) => keyed('user', `${time}`, time)),
      );
      const records = await everything(log, 'events', times.length);
      expect(records.map(({ time }) => time)).toEqual(times);
      expect(records.map(textOf)).toEqual(times.map(String));
      await log.close();
    }),
  );

  test(
    'has the first record, and every next one, within a moment of its being written',
    onEach(async (kafka) => {
      const log = await open(kafka);
      const reader = await log.reader('events', { from: 'end' });
      const waits: number[] = [];
      for (let i = 0; i < 10; i++) {
        const waiting = readRecords(reader, 1);
        await log.append('events', [keyed(`user-${i}`, `${i}`)]);
        const written = performance.now();
        expect((await waiting).map(textOf)).toEqual([`${i}`]);
        waits.push(performance.now() - written);
      }
      expect(waits.sort((a, b) => a - b)[5]).toBeLessThan(100);
      const closing = performance.now();
      await log.close();
      expect(performance.now() - closing).toBeLessThan(400);
    }),
  );

  test(
    'tells who asks for what retention removed, and for what never was',
    onEach(async (kafka) => {
      const topicPrefix = freshPrefix();
      const log = await open(kafka, { topicPrefix, partitions: 1 });
      for (let i = 0; i < 5; i++) await log.append('events', [keyed('user', `${i}`)]);
      const admin = new Kafka({ brokers: [...kafka.brokers()], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      await admin.fetchTopicMetadata({ topics: [`${topicPrefix}events`] });
      await admin.deleteTopicRecords({ topic: `${topicPrefix}events`, partitions: [{ partition: 0, offset: '3' }] });
      await admin.disconnect();
      expect(await log.bounds('events')).toEqual([{ first: 3, next: 5 }]);
      const before = await log.reader('events', { from: [1] });
      await expect(before.next({ most: 10, waitMs: 5000 })).rejects.toMatchObject({ code: 'log_gap' });
      const beyond = await log.reader('events', { from: [9] });
      await expect(beyond.next({ most: 10, waitMs: 5000 })).rejects.toMatchObject({ code: 'log_gap' });
      expect((await everything(log, 'events', 2)).map(textOf)).toEqual(['3', '4']);
      await log.close();
    }),
  );

  test(
    'refuses what cannot be written: too large, to no partition',
    onEach(async (kafka) => {
      const log = await open(kafka);
      const large = { key: 'user', time: 1, value: new Uint8Array(1_100_000) };
      const nowhere = { partition: 4, time: 1, value: new Uint8Array(1) };
      const error = await log
        .append('events', [large, keyed('user', 'fine'), nowhere])
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'event_invalid' });
      expect((error as { problems: unknown[] }).problems).toHaveLength(2);
      await log.append('events', [{ ...large, value: new Uint8Array(990_000) }]);
      expect((await everything(log, 'events', 1))[0]?.value).toHaveLength(990_000);
      await log.close();
    }),
  );

  test(
    'says which setting is wrong when a topic cannot be made',
    onEach(async (kafka) => {
      const log = await open(kafka, { replication: 99 });
      await expect(log.partitions('events')).rejects.toMatchObject({ code: 'settings_invalid' });
      await log.close();
    }),
  );

  test(
    'a broker that is killed under load costs no record, no order, and no crash; those that wait are spooled meanwhile',
    onEach(async (kafka) => {
      const broker = kafka.broker();
      if (broker === undefined) return;
      const folder = createFolder();
      const patient = await open(kafka, { timeoutMs: 60_000 });
      const spooled = await openSpooledLog({
        log: await open(kafka, { timeoutMs: 2000 }),
        spool: await folder.open('spool', 1),
        maxBytes: 1 << 26,
      });
      const reader = await patient.reader('events', { from: 'start' });
      const loads = [startLoad(patient), startLoad(spooled)] as const;
      await sleep(500);
      await broker.kill();
      await until(() => spooled.spooled('events').records > 100);
      await broker.restart();
      // What comes while the spool is forwarded goes behind it.
      await sleep(500);
      const [sentPatient, sentSpooled] = await Promise.all(loads.map((load) => load.stop()));
      await until(() => spooled.spooled('events').records === 0);

      const direct = (await readRecords(reader, loads[0].sent())).map(textOf);
      expect(byUser(direct)).toEqual(eachOnceInOrder(sentPatient!));
      // What was refused may have been written all the same, and is then there again from the spool.
      const { length } = (await spooled.bounds('events')).flatMap(({ first, next }) => Array<0>(next - first).fill(0));
      const twice = (await everything(spooled, 'events', length)).map(textOf);
      expect(byUser([...new Set(twice)])).toEqual(eachOnceInOrder(sentSpooled!));
      await patient.close();
      await spooled.close();
      folder.remove();
    }),
  );
});
