import { CompressionTypes, type Message } from 'kafkajs';
import { WatchnextError } from '../../errors.js';
import { failureType, isFinal, retrying, rootOf, unavailable } from './failures.js';
import type { ResolvedKafkaOptions } from './options.js';
import { createSequencer } from './producer-id.js';
import { createWriteQueue, type Batch, type Outgoing, type Place, type Write } from './queue.js';
import { leadersOf, type Session } from './session.js';
import { stampOf } from './timestamps.js';

/**
 * Writes in the order of the calls, one request at a time. A request is repeated, the same records under the same sequence
 * numbers, until it is acknowledged by all in-sync replicas or the time is up; the next one waits. If it fails for good, all that
 * waits behind it fails with it: nothing overtakes.
 */
export interface KafkaProducer {
  /** Resolves when all records are acknowledged. */
  append(records: readonly Outgoing[]): Promise<void>;
  /** Writes what is queued if the brokers take it at the first attempt, and ends. */
  close(): Promise<void>;
}

const ALL_IN_SYNC_REPLICAS = -1;
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP } as const;

/** What goes to one partition. */
interface Part {
  readonly place: Place;
  readonly messages: Message[];
}

const partsOf = (records: readonly Outgoing[], now: number): Part[] => {
  const parts = new Map<Place, Part>();
  for (const { place, key, value, time } of records) {
    let part = parts.get(place);
    if (part === undefined) parts.set(place, (part = { place, messages: [] }));
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    part.messages.push({ key: key ?? null, value: bytes, ...stampOf(time, now) });
  }
  return [...parts.values()];
};

const groupBy = <T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> => {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
};

export const createKafkaProducer = (
  options: ResolvedKafkaOptions,
  session: Session,
  now: () => number,
): KafkaProducer => {
  const { timeoutMs, lingerMs, logger } = options;
  const compression = codecs[options.compression];
  const queue = createWriteQueue({ records: options.queueRecords, bytes: options.queueBytes });
  const sequencer = createSequencer(timeoutMs);
  let running: Promise<void> | undefined;
  let closed = false;

  const send = (parts: readonly Part[]): Promise<void> =>
    session.use([...new Set(parts.map(({ place }) => place.topic))], async (cluster) => {
      const identity = await sequencer.identity(cluster);
      const leaders = groupBy(parts, ({ place }) => leadersOf(cluster, place.topic).get(place.partition) ?? -1);
      const requests = [...leaders].map(async ([nodeId, ofNode]) => {
        const broker = await cluster.findBroker({ nodeId });
        const topicData = [...groupBy(ofNode, ({ place }) => place.topic)].map(([topic, ofTopic]) => ({
          topic,
          partitions: ofTopic.map(({ place, messages }) => ({
            partition: place.partition,
            firstSequence: sequencer.next(place),
            messages,
          })),
        }));
        await broker.produce({ topicData, ...identity, acks: ALL_IN_SYNC_REPLICAS, timeout: timeoutMs, compression });
      });
      await Promise.all(requests);
    });

  const write = async (batch: Batch): Promise<void> => {
    const parts = partsOf(batch.records, now());
    const attempt = async (): Promise<void> => {
      try {
        await send(parts);
      } catch (error) {
        logger.debug({ reason: rootOf(error).message, records: batch.records.length }, 'writing to Kafka failed');
        if (sequencer.isLost(error)) sequencer.forget();
        throw error;
      }
    };
    await retrying(attempt, { timeoutMs, stopped: () => closed });
    for (const { place, messages } of parts) sequencer.advance(place, messages.length);
  };

  const reject = (writes: Iterable<Write>, error: unknown): void => {
    for (const write of writes) {
      if (!write.failed) write.reject(error);
      write.failed = true;
    }
  };

  /** A record that the broker does not take is its writer's problem; one that cannot be written now stops all behind it. */
  const fail = (batch: Batch, error: unknown): void => {
    sequencer.forget();
    const type = failureType(error);
    if (isFinal(error) && (type.endsWith('_TOO_LARGE') || type.startsWith('INVALID_'))) {
      const problems = [
        {
          path: 'kafka',
          message: `${type}: ${rootOf(error).message ?? ''}`,
          hint: 'see the topic’s max.message.bytes, and message.timestamp.before.max.ms',
        },
      ];
      reject(batch.writes, new WatchnextError('event_invalid', 'the broker does not take a record', { problems }));
      return;
    }
    const failure = unavailable('Kafka does not take records', error);
    reject(batch.writes, failure);
    reject(queue.drain(), failure);
  };

  const run = async (): Promise<void> => {
    // At least to the end of this turn.
    await new Promise((resolve) => (lingerMs > 0 ? setTimeout(resolve, lingerMs) : setImmediate(resolve)));
    while (queue.records > 0) {
      const batch = queue.cut();
      if (batch.records.length === 0) continue;
      try {
        await write(batch);
        for (const one of batch.writes) if ((one.unwritten -= 1) === 0) one.resolve();
      } catch (error) {
        fail(batch, error);
      }
    }
    running = undefined;
  };

  return {
    append(records) {
      if (closed) return Promise.reject(new WatchnextError('log_unavailable', 'the log is closed'));
      if (records.length === 0) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        if (queue.offer(records, { unwritten: records.length, failed: false, resolve, reject })) running ??= run();
        else
          reject(
            new WatchnextError('log_unavailable', 'too much waits to be written to Kafka', {
              problems: [{ path: 'queue', message: `${queue.records} records, ${queue.bytes} bytes wait` }],
            }),
          );
      });
    },
    async close() {
      closed = true;
      await running;
      await session.close();
    },
  };
};
