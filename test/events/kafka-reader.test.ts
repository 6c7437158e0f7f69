import { describe, expect, test } from '@jest/globals';
import type { BrokerNode, Cluster, FetchRequest } from '../../src/events/kafka/internals.js';
import { resolveKafkaOptions } from '../../src/events/kafka/options.js';
import { createKafkaReader } from '../../src/events/kafka/reader.js';
import type { Session } from '../../src/events/kafka/session.js';
import type { LogReader } from '../../src/events/index.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { batch, reply, topic, written, type WrittenReply } from './kafka-replies.js';

const NOT_LEADER = 6;
const OUT_OF_RANGE = 1;
const UNKNOWN_SERVER_ERROR = -1;

interface Asked {
  readonly nodeId: number;
  /** Partitions in the order of the request, and where each is to begin. */
  readonly from: readonly (readonly [partition: number, offset: number])[];
}

/** A cluster of brokers that answer as they are told; who asks again when they have no answer waits. */
const brokersThat = (
  answer: (asked: Asked, round: number) => Promise<WrittenReply | undefined> | WrittenReply | undefined,
  leaders: readonly number[],
): { readonly session: Session; readonly asked: Asked[] } => {
  const asked: Asked[] = [];
  const brokerOf = (nodeId: number): BrokerNode =>
    ({
      lookupRequest: () => (request: FetchRequest) => ({ request }),
      connectionPool: {
        async send({ request }: { request: FetchRequest }) {
          const from = request.topics.flatMap(({ partitions }) =>
            partitions.map(({ partition, fetchOffset }) => [partition, Number(fetchOffset)] as const),
          );
          const round = asked.push({ nodeId, from });
          const found = await answer({ nodeId, from }, round);
          return found === undefined ? new Promise(() => undefined) : reply(found);
        },
      },
    }) as unknown as BrokerNode;
  const cluster = {
    findBroker: ({ nodeId }: { readonly nodeId: number }) => Promise.resolve(brokerOf(nodeId)),
    findTopicPartitionMetadata: () => leaders.map((leader, partitionId) => ({ partitionId, leader })),
  } as unknown as Cluster;
  return { asked, session: { use: (_, work) => work(cluster), close: () => Promise.resolve() } };
};

const readerOf = (session: Session, partitions: number, kept = { first: 0, next: 100 }): LogReader =>
  createKafkaReader({
    topic,
    start: new Map(Array.from({ length: partitions }, (_, partition) => [partition, 0])),
    session,
    topics: {
      partitions: () => Promise.resolve(partitions),
      bounds: () => Promise.resolve(Array.from({ length: partitions }, () => kept)),
    },
    options: resolveKafkaOptions({ brokers: ['127.0.0.1:9092'] }, silentLogger),
  });

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a reader of Kafka', () => {
  test('asks first for the partition that has waited longest', async () => {
    const { session, asked } = brokersThat(
      async ({ from }) => {
        // As a broker fills a reply that has room for two partitions.
        const served = from.slice(0, 2);
        return {
          partitions: await Promise.all(
            served.map(async ([partition, offset]) => [partition, 0, await batch(offset, written(1))] as const),
          ),
        };
      },
      [1, 1, 1, 1, 1],
    );
    const reader = readerOf(session, 5);
    const counts = new Map<number, number>();
    while (asked.length < 11) {
      for (const { partition } of await reader.next({ most: 2, waitMs: 20_000 }))
        counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    await reader.close();
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
  });

  test('asks each broker in turn for all of its partitions, however many brokers there are', async () => {
    // Of each broker's four partitions a reply has room for one.
    const leaders = Array.from({ length: 16 }, (_, partition) => Math.floor(partition / 4));
    const { session, asked } = brokersThat(
      async ({ from }) => ({
        partitions: [[from[0]![0], 0, await batch(from[0]![1], written(1))]],
      }),
      leaders,
    );
    const reader = readerOf(session, 16);
    const seen = new Set<number>();
    while (asked.length < 32)
      for (const { partition } of await reader.next({ most: 100, waitMs: 20_000 })) seen.add(partition);
    await reader.close();
    expect(seen.size).toBe(16);
  });

  test('hands out what some partitions have where the broker does not lead another any more', async () => {
    const { session } = brokersThat(
      async ({ from }) => {
        const of = new Map(from);
        const at = of.get(0) ?? 0;
        return {
          partitions: [
            [1, NOT_LEADER, Buffer.alloc(0)],
            [0, 0, at === 0 ? await batch(0, written(3)) : Buffer.alloc(0)],
          ],
        };
      },
      [1, 1],
    );
    const reader = readerOf(session, 2);
    expect((await reader.next({ most: 10, waitMs: 20_000 })).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    await reader.close();
  });

  test('asks seldom while a broker refuses an offset that is there, and goes on when it does not', async () => {
    let isFine = false;
    const { session, asked } = brokersThat(
      async () => ({
        partitions: [[0, isFine ? 0 : OUT_OF_RANGE, isFine ? await batch(0, written(1)) : Buffer.alloc(0)]],
      }),
      [1],
    );
    const reader = readerOf(session, 1);
    expect(await reader.next({ most: 1, waitMs: 400 })).toEqual([]);
    expect(asked.length).toBeLessThan(8);
    isFine = true;
    expect(await reader.next({ most: 1, waitMs: 20_000 })).toHaveLength(1);
    await reader.close();
  });

  test('asks seldom while a broker refuses requests as a whole', async () => {
    const { session, asked } = brokersThat(() => ({ error: UNKNOWN_SERVER_ERROR, partitions: [] }), [1]);
    const reader = readerOf(session, 1);
    expect(await reader.next({ most: 1, waitMs: 400 })).toEqual([]);
    expect(asked.length).toBeLessThan(8);
    await reader.close();
  });

  test.each([
    ['uncompressed', 0],
    ['gzip', 1],
  ])('says where a batch is damaged, and does not ask for it for ever, %s', async (_, compression) => {
    const { session, asked } = brokersThat(async () => {
      const bytes = await batch(7, written(3), { compression });
      // Behind its head.
      bytes.fill(0xff, 70);
      return { partitions: [[0, 0, Buffer.concat([await batch(0, written(7)), bytes])]] };
    }, [1]);
    const reader = readerOf(session, 1);
    const all = async (): Promise<unknown> => {
      for (let turn = 0; turn < 4; turn++) await reader.next({ most: 10, waitMs: 20_000 });
      return undefined;
    };
    await expect(all()).rejects.toMatchObject({
      code: 'log_damaged',
      problems: [{ path: 'shop.events/0', message: expect.stringContaining('offset 7 ') as unknown }],
    });
    expect(asked.length).toBeLessThan(4);
    await reader.close();
  });

  test('hands out what it has before it tells of a gap', async () => {
    const { session } = brokersThat(
      async (_, round) => ({
        partitions: [[0, round === 1 ? 0 : OUT_OF_RANGE, round === 1 ? await batch(0, written(2)) : Buffer.alloc(0)]],
      }),
      [1],
    );
    const reader = readerOf(session, 1, { first: 50, next: 100 });
    const first = await reader.next({ most: 1, waitMs: 20_000 });
    await sleep(50);
    const second = await reader.next({ most: 1, waitMs: 20_000 });
    expect([...first, ...second].map(({ offset }) => offset)).toEqual([0, 1]);
    await expect(reader.next({ most: 1, waitMs: 20_000 })).rejects.toMatchObject({ code: 'log_gap' });
    await reader.close();
  });
});
