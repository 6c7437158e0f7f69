import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer, type Socket } from 'node:net';
import { openKafkaLog, type KafkaOptions } from '../../src/events/index.js';
import { createWriteQueue, type Outgoing, type Place, type Write } from '../../src/events/kafka/queue.js';
import { stampOf, timeOf } from '../../src/events/kafka/timestamps.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { until } from '../until.js';

const problemPaths = async (options: KafkaOptions): Promise<string[]> => {
  const error = await openKafkaLog(options).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'settings_invalid' });
  return (error as { problems: { path: string }[] }).problems.map(({ path }) => path);
};

let after: (() => Promise<void>) | undefined;
afterEach(async () => {
  await after?.();
  after = undefined;
});

describe('Kafka settings', () => {
  test('are refused with everything that is wrong', async () => {
    expect(await problemPaths({ brokers: [] })).toEqual(['brokers']);
    expect(
      await problemPaths({
        brokers: ['kafka.example:9092', 'kafka.example', 'kafka:99999', 'http://kafka:9092'],
        topicPrefix: 'a b',
        compression: 'zstd' as 'gzip',
        sasl: { mechanism: 'gssapi' as 'plain', username: '', password: 'x' },
        partitions: 0,
        replication: 1.5,
        timeoutMs: -1,
      }),
    ).toEqual([
      'brokers/1',
      'brokers/2',
      'brokers/3',
      'topicPrefix',
      'compression',
      'sasl/mechanism',
      'sasl/username',
      'partitions',
      'replication',
      'timeoutMs',
    ]);
  });

  test('of a place where nothing listens: what no broker takes is told all the same', async () => {
    const log = await openKafkaLog({ brokers: ['127.0.0.1:1'], logger: silentLogger });
    const sized = (bytes: number) => ({ key: 'user', time: 1, value: new Uint8Array(bytes) });
    expect(() => log.check?.([sized(1), sized(1_000_000)])).toThrow(
      expect.objectContaining({ code: 'event_invalid', problems: [expect.objectContaining({ path: 'records/1' })] }),
    );
    expect(() => log.check?.([sized(999_000)])).not.toThrow();
    await log.close();
  });

  /** Longer than any test may take: what waits for it is seen to wait, what ends has not waited for it. */
  const endlessMs = 600_000;

  test('of a place where nothing listens: every call says so in its time, none crashes, and closing waits for none', async () => {
    const options = { brokers: ['127.0.0.1:1'], logger: silentLogger };
    const log = await openKafkaLog({ ...options, timeoutMs: 300 });
    const patient = await openKafkaLog({ ...options, timeoutMs: endlessMs });
    let isPending = true;
    const pending = patient.partitions('events').catch((error: unknown) => {
      isPending = false;
      return error;
    });
    const calls = [
      log.append('events', [{ key: 'a', time: 1, value: new Uint8Array(1) }]),
      log.partitions('events'),
      log.bounds('events'),
      log.reader('events', { from: 'start' }),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'log_unavailable', retriable: true });
    expect(isPending).toBe(true);
    await Promise.all([log.close(), patient.close()]);
    expect(await pending).toMatchObject({ code: 'log_unavailable' });
    await expect(log.partitions('events')).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  test('of a place that answers nothing: the same', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const options = { brokers: [`127.0.0.1:${port}`], logger: silentLogger };
    const log = await openKafkaLog({ ...options, timeoutMs: 300 });
    const patient = await openKafkaLog({ ...options, timeoutMs: endlessMs });
    after = async () => {
      await Promise.all([log.close(), patient.close()]);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
    await expect(log.partitions('events')).rejects.toMatchObject({ code: 'log_unavailable' });
    const connected = sockets.length;
    const asked = patient.partitions('events').catch((error: unknown) => error);
    await until(() => sockets.length > connected);
    await patient.close();
    expect(await asked).toMatchObject({ code: 'log_unavailable' });
  });
});

describe('the time of a record in Kafka', () => {
  const now = 1_700_000_000_000;
  const message = (stamp: ReturnType<typeof stampOf>, isAppendTime = false): Parameters<typeof timeOf>[0] => ({
    stamp: Number(stamp.timestamp),
    header: stamp.headers?.['time']?.toString(),
    isAppendTime,
  });

  test('is its timestamp about now, else a header under which the broker sees now', () => {
    for (const time of [now, now - 60_000, now + 60_000]) {
      expect(stampOf(time, now)).toEqual({ timestamp: `000${time}` });
      expect(timeOf(message(stampOf(time, now)), 'events')).toBe(time);
    }
    for (const time of [0, -5, 1.5, now - 3_600_000, now + 3_600_000, 2 ** 53, 1e300]) {
      const stamp = stampOf(time, now);
      expect(Number(stamp.timestamp)).toBe(now);
      expect(timeOf(message(stamp), 'events')).toBe(time);
    }
  });

  test('sorts as text as it does as a number, which kafkajs relies on', () => {
    const times = [999, 1000, 31, 5];
    const stamps = times.map((time) => stampOf(time, 0).timestamp);
    expect([...stamps].sort().map(Number)).toEqual([...times].sort((a, b) => a - b));
  });

  test('is not taken from a topic whose broker writes its own times', () => {
    expect(() => timeOf(message(stampOf(now, now), true), 'shop.events')).toThrow(
      /shop.events does not keep the times/,
    );
  });
});

describe('the queue of records to be written', () => {
  const place: Place = { topic: 'events', partition: 0 };
  const other: Place = { topic: 'events', partition: 1 };
  const record = (bytes: number, where = place): Outgoing => ({
    place: where,
    time: 1,
    key: undefined,
    value: new Uint8Array(bytes),
  });
  const write = (): Write => ({ unwritten: 0, failed: false, resolve: () => undefined, reject: () => undefined });
  const queueOf = (records: readonly Outgoing[], ...writes: Write[]): ReturnType<typeof createWriteQueue> => {
    const queue = createWriteQueue({ records: 100_000, bytes: 100 << 20 });
    records.forEach((each, i) => expect(queue.offer([each], writes[i] ?? write())).toBe(true));
    return queue;
  };

  test('cuts before a partition’s share, the whole or the count would be too large, and keeps the order', () => {
    const share = queueOf([record(300_000), record(200_000, other), record(300_000), record(10, other)]);
    expect(share.cut().records).toHaveLength(2);
    expect(share.cut().records).toHaveLength(2);
    const many = queueOf(Array.from({ length: 25_000 }, () => record(1)));
    expect([many.cut(), many.cut(), many.cut(), many.cut()].map(({ records }) => records.length)).toEqual([
      8065, 8065, 8065, 805,
    ]);
    const huge = queueOf([record(900_000), record(900_000)]);
    expect(huge.cut().records).toHaveLength(1);
    expect(huge.records).toBe(1);
  });

  test('counts what waits, and nothing once all is taken out', () => {
    const queue = queueOf([record(100), record(200), record(300)]);
    const first = queue.cut();
    expect(first.records.map(({ value }) => value.length)).toEqual([100, 200, 300]);
    expect({ records: queue.records, bytes: queue.bytes }).toEqual({ records: 0, bytes: 0 });
    queue.offer([record(50)], write());
    expect(queue.bytes).toBeGreaterThan(50);
    expect(queue.drain()).toHaveLength(1);
    expect({ records: queue.records, bytes: queue.bytes }).toEqual({ records: 0, bytes: 0 });
  });

  test('leaves out what is left of a call that failed', () => {
    const failed = { ...write(), failed: true };
    const queue = queueOf([record(1), record(2), record(3)], write(), failed, write());
    expect(queue.cut().records.map(({ value }) => value.length)).toEqual([1, 3]);
    expect(queue.bytes).toBe(0);
  });
});
