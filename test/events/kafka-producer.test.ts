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
    await new Promise((resolve) => setTimeout(resolve, 5));
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
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([second, producer.append([record('d')])]);
    expect(valuesOf(cluster)).toEqual([['a'], ['b', 'c'], ['b', 'c'], ['b', 'c'], ['d']]);
    expect(sequencesOf(cluster)).toEqual([0, 1, 1, 1, 3]);
    expect(new Set(cluster.requests.map(({ producerId }) => producerId)).size).toBe(1);
    await producer.close();
  });

  test('refuses all that waits when the time is up, and starts under a new identity', async () => {
    const cluster = createFakeCluster();
    cluster.answers.push(undefined, ...Array.from({ length: 9 }, () => new Error('away')));
    const producer = producing(cluster, { timeoutMs: 120 });
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
    await Promise.all([kept, producer.append([record('e')])]);
    expect(valuesOf(cluster)).toEqual([['a', 'b', 'e']]);
    await expect(producing(cluster, { queue: { bytes: 500 } }).append([record('x'.repeat(600))])).rejects.toMatchObject(
      { code: 'log_unavailable' },
    );
    await producer.close();
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
