import { describe, expect, test } from '@jest/globals';
import { createKafkaProducer, type KafkaProducer } from '../../src/events/kafka/producer.js';
import type { Outgoing, Place } from '../../src/events/kafka/queue.js';
import type { KafkaOptions } from '../../src/events/index.js';
import type { WatchnextError } from '../../src/errors.js';
import { until } from '../until.js';
import { createFakeCluster, optionsOf, protocolError, type FakeCluster } from './kafka-cluster.js';

const places: readonly Place[] = [0, 1].map((partition) => ({ topic: 'events', partition }));
const record = (value: string, partition = 0): Outgoing => ({
  place: places[partition]!,
  time: 1000,
  key: undefined,
  value: new TextEncoder().encode(value),
});
const producing = (cluster: FakeCluster, more: Partial<KafkaOptions> = {}): KafkaProducer =>
  createKafkaProducer(optionsOf(more), cluster.session, () => 1000);
const valuesOf = ({ requests }: FakeCluster, place = 'events/0'): (readonly string[])[] =>
  requests.map(({ parts }) => parts[place]?.values ?? []);
const sequencesOf = ({ requests }: FakeCluster): number[] =>
  requests.map(({ parts }) => parts['events/0']?.sequence ?? -1);

describe('the Kafka producer', () => {
  test('gathers calls of one moment into one request, in their order by partition', async () => {
    const cluster = createFakeCluster();
    const producer = producing(cluster);
    await Promise.all([
      producer.append([record('a'), record('b', 1)]),
      producer.append([]),
      producer.append([record('c'), record('d', 1)]),
    ]);
    expect(cluster.requests).toHaveLength(1);
    expect(valuesOf(cluster)).toEqual([['a', 'c']]);
    expect(valuesOf(cluster, 'events/1')).toEqual([['b', 'd']]);
    await producer.close();
  });

  test('has one request under way; what comes meanwhile goes with the next, numbered on', async () => {
    const cluster = createFakeCluster();
    let acknowledge = (): void => undefined;
    cluster.answers.push(new Promise<void>((resolve) => (acknowledge = resolve)));
    const producer = producing(cluster);
    const first = producer.append([record('a'), record('b')]);
    await until(() => cluster.requests.length === 1);
    const rest = [producer.append([record('c')]), producer.append([record('d')])];
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(valuesOf(cluster)).toEqual([['a', 'b']]);
    acknowledge();
    await Promise.all([first, ...rest]);
    expect(valuesOf(cluster)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(sequencesOf(cluster)).toEqual([0, 2]);
    await producer.close();
  });

  test('repeats a request as it was, under the same numbers, before anything that came later', async () => {
    const cluster = createFakeCluster();
    cluster.answers.push(undefined, new Error('connection lost'), protocolError('NOT_LEADER_FOR_PARTITION'));
    const producer = producing(cluster);
    await producer.append([record('a')]);
    const second = producer.append([record('b'), record('c')]);
    await until(() => cluster.requests.length > 1);
    await Promise.all([second, producer.append([record('d')])]);
    expect(valuesOf(cluster)).toEqual([['a'], ['b', 'c'], ['b', 'c'], ['b', 'c'], ['d']]);
    expect(sequencesOf(cluster)).toEqual([0, 1, 1, 1, 3]);
    expect(new Set(cluster.requests.map(({ producerId }) => producerId)).size).toBe(1);
    await producer.close();
  });

  test('refuses all that waits when the time is up, and starts under a new identity', async () => {
    const cluster = createFakeCluster();
    cluster.answers.push(undefined, ...Array.from({ length: 99 }, () => new Error('away')));
    const producer = producing(cluster, { timeoutMs: 1500 });
    await producer.append([record('a')]);
    const settled: string[] = [];
    const append = (value: string): Promise<unknown> =>
      producer
        .append([record(value)])
        .catch((error: unknown) => settled.push(`${value} ${(error as WatchnextError).code} ${String(error)}`));
    const lost = [append('b')];
    while (cluster.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    lost.push(append('c'), append('d'));
    await Promise.all(lost);
    expect(settled).toEqual(
      ['b', 'c', 'd'].map((value) => `${value} log_unavailable WatchnextError: Kafka does not take records: away`),
    );
    cluster.answers.length = 0;
    await producer.append([record('e')]);
    // The brokers may hold what was refused under the old identity's next number: the same number must not be used for another record.
    expect(cluster.requests.at(-1)).toEqual({ producerId: '2', parts: { 'events/0': { sequence: 0, values: ['e'] } } });
    expect(valuesOf(cluster).flat()).not.toContain('c');
    await producer.close();
  });

  test('takes a new identity when the brokers lost count, and repeats the request under it', async () => {
    const cluster = createFakeCluster();
    cluster.answers.push(undefined, protocolError('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    const producer = producing(cluster);
    await producer.append([record('a')]);
    await producer.append([record('b')]);
    await producer.append([record('c')]);
    expect(cluster.requests.map(({ producerId }) => producerId)).toEqual(['1', '1', '2', '2']);
    expect(sequencesOf(cluster)).toEqual([0, 1, 0, 1]);
    expect(valuesOf(cluster)).toEqual([['a'], ['b'], ['b'], ['c']]);
    await producer.close();
  });

  test('does not repeat what is refused for good: the sender of the record is told, the others go on', async () => {
    const cluster = createFakeCluster();
    cluster.answers.push(protocolError('MESSAGE_TOO_LARGE'));
    const producer = producing(cluster);
    const large = producer.append([record('large')]).catch((error: unknown) => error);
    await until(() => cluster.requests.length === 1);
    await producer.append([record('next')]);
    expect(await large).toMatchObject({ code: 'event_invalid' });
    expect(valuesOf(cluster)).toEqual([['large'], ['next']]);
    await producer.close();
  });

  test('says at once that it may not write, without trying again', async () => {
    const cluster = createFakeCluster();
    cluster.answers.push(protocolError('TOPIC_AUTHORIZATION_FAILED'));
    const producer = producing(cluster);
    await expect(producer.append([record('a')])).rejects.toMatchObject({
      code: 'log_unavailable',
      problems: [{ message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED') }],
    });
    expect(cluster.requests).toHaveLength(1);
    await producer.close();
  });

  test('refuses a call that does not fit into the queue, whole, and keeps what is in it', async () => {
    const cluster = createFakeCluster();
    const producer = producing(cluster, { queue: { records: 3 } });
    const kept = producer.append([record('a'), record('b')]);
    await expect(producer.append([record('c'), record('d')])).rejects.toMatchObject({ code: 'log_unavailable' });
    await kept;
    expect(valuesOf(cluster)).toEqual([['a', 'b']]);
    await expect(producing(cluster, { queue: { bytes: 500 } }).append([record('x'.repeat(600))])).rejects.toMatchObject(
      { code: 'log_unavailable' },
    );
    await producer.close();
  });

  test('takes nothing that came after a call it refused for room, until its sender may have sent that again', async () => {
    const cluster = createFakeCluster();
    let acknowledge = (): void => undefined;
    cluster.answers.push(new Promise<void>((resolve) => (acknowledge = resolve)));
    const producer = producing(cluster, { queue: { records: 3 } });
    const settled: string[] = [];
    const append = (...values: string[]): Promise<unknown> =>
      producer.append(values.map((value) => record(value))).then(
        () => settled.push(`${values.join()} taken`),
        () => settled.push(`${values.join()} refused`),
      );
    const first = append('a');
    await until(() => cluster.requests.length === 1);
    const rest = [append('b', 'c'), append('d', 'e'), append('f')];
    await Promise.all(rest.slice(1));
    const late = append('g');
    await late;
    acknowledge();
    await Promise.all([first, ...rest]);
    expect(settled).toEqual(['d,e refused', 'f refused', 'g refused', 'a taken', 'b,c taken']);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await append('d', 'e');
    await append('f');
    expect(valuesOf(cluster).flat()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    await producer.close();
  });

  test('takes nothing behind a call that is larger than the whole queue within one turn', async () => {
    const cluster = createFakeCluster();
    const producer = producing(cluster, { queue: { records: 2 } });
    const codes = [[record('a'), record('b'), record('c')], [record('d')]].map((records) =>
      producer.append(records).then(
        () => 'taken',
        (error: unknown) => (error as WatchnextError).code,
      ),
    );
    expect(await Promise.all(codes)).toEqual(['log_unavailable', 'log_unavailable']);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await producer.append([record('e')]);
    expect(valuesOf(cluster)).toEqual([['e']]);
    await producer.close();
  });

  describe('while a partition has no leader', () => {
    const lose = (cluster: FakeCluster): void => {
      cluster.leaderless.add(0);
      cluster.answers.push(protocolError('NOT_LEADER_FOR_PARTITION'));
    };

    test('goes on writing the others, and writes what waited when it has one, each once and in order', async () => {
      const cluster = createFakeCluster();
      const producer = producing(cluster);
      await producer.append([record('a0')]);
      lose(cluster);
      const settled: string[] = [];
      const append = (value: string, partition: number): Promise<unknown> =>
        producer.append([record(value, partition)]).then(() => settled.push(value));
      const waiting = [append('a1', 0)];
      await until(() => cluster.requests.length === 2);
      for (const i of [1, 2, 3]) {
        waiting.push(append(`a${i + 1}`, 0));
        await append(`b${i}`, 1);
      }
      expect(settled).toEqual(['b1', 'b2', 'b3']);
      cluster.leaderless.clear();
      await Promise.all(waiting);
      expect(settled).toEqual(['b1', 'b2', 'b3', 'a1', 'a2', 'a3', 'a4']);
      // The request that was refused is repeated as it was, before what came behind it.
      expect(valuesOf(cluster).filter((values) => values.length > 0)).toEqual([
        ['a0'],
        ['a1'],
        ['a1'],
        ['a2', 'a3', 'a4'],
      ]);
      expect(sequencesOf(cluster).filter((sequence) => sequence >= 0)).toEqual([0, 1, 1, 2]);
      expect(valuesOf(cluster, 'events/1').flat()).toEqual(['b1', 'b2', 'b3']);
      await producer.close();
    });

    test('refuses what waits for it when the time is up, all of it, and nothing else', async () => {
      const cluster = createFakeCluster();
      const producer = producing(cluster, { timeoutMs: 300 });
      lose(cluster);
      const lost = ['a1', 'a2'].map((value) => producer.append([record(value)]).catch((error: unknown) => error));
      await until(() => cluster.requests.length === 1);
      lost.push(producer.append([record('a3')]).catch((error: unknown) => error));
      await producer.append([record('b1', 1)]);
      for (const error of await Promise.all(lost))
        expect(error).toMatchObject({
          code: 'log_unavailable',
          problems: [{ message: expect.stringContaining('partition 0 of events has no leader') }],
        });
      cluster.leaderless.clear();
      await producer.append([record('a4'), record('b2', 1)]);
      expect(valuesOf(cluster).flat()).toEqual(['a1', 'a2', 'a4']);
      expect(valuesOf(cluster, 'events/1').flat()).toEqual(['b1', 'b2']);
      // The brokers may hold what was given up: its numbers must not be used for another record.
      expect(cluster.requests.at(-1)?.producerId).not.toBe(cluster.requests[0]?.producerId);
      await producer.close();
    });

    test('does not wait for a leader when it is closed', async () => {
      const cluster = createFakeCluster();
      const producer = producing(cluster, { timeoutMs: 60_000 });
      lose(cluster);
      const lost = producer.append([record('a1')]).catch((error: unknown) => error);
      await until(() => cluster.requests.length === 1);
      await producer.close();
      expect(await lost).toMatchObject({ code: 'log_unavailable' });
    });
  });

  test('writes what is queued when it is closed, but does not wait for brokers that are away', async () => {
    const cluster = createFakeCluster();
    const producer = producing(cluster);
    const last = producer.append([record('last')]);
    await producer.close();
    await last;
    expect(valuesOf(cluster)).toEqual([['last']]);
    const away = createFakeCluster();
    away.answers.push(...Array.from({ length: 9 }, () => new Error('away')));
    const stuck = producing(away, { timeoutMs: 60_000 });
    const lost = stuck.append([record('lost')]).catch((error: unknown) => error);
    await stuck.close();
    expect(await lost).toMatchObject({ code: 'log_unavailable' });
    await expect(stuck.append([record('late')])).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
