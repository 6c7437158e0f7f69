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
 * waits behind it fails with it: nothing overtakes. Only what is for a partition without a leader waits by itself, and fails by
 * itself when its time is up.
 */
export interface KafkaProducer {
  /**
   * Resolves when all records are acknowledged. A call that the queue has no room for is refused, and so are all after it until
   * those before it are settled.
   */
  append(records: readonly Outgoing[]): Promise<void>;
  /** Writes what is queued if the brokers take it at the first attempt, and ends. */
  close(): Promise<void>;
}

const ALL_IN_SYNC_REPLICAS = -1;
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP } as const;

/** How long a partition without a leader is left alone before its leader is looked for again. */
const LEADERLESS_MS = 200;

/** What goes to one partition. */
interface Part {
  readonly place: Place;
  readonly messages: Message[];
  /** By message. */
  readonly writes: Write[];
  readonly deadline: number;
}

const partsOf = (
  { records, writes }: Batch,
  { now, deadline }: { readonly now: number; readonly deadline: number },
): Part[] => {
  const parts = new Map<Place, Part>();
  for (const [i, { place, key, value, time }] of records.entries()) {
    let part = parts.get(place);
    if (part === undefined) parts.set(place, (part = { place, messages: [], writes: [], deadline }));
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    part.messages.push({ key: key ?? null, value: bytes, ...stampOf(time, now) });
    const write = writes[i];
    if (write !== undefined) part.writes.push(write);
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
  /** Of places without a leader, what is to be sent first, the same under the same numbers. They are on hold in the queue. */
  const standing = new Map<Place, Part>();
  let lookAgainAt = 0;
  let wake: () => void = () => undefined;
  let running: Promise<void> | undefined;
  /** A call did not fit: a later one must not be taken before those that came first are settled and its sender knows. */
  let refusing = false;
  let closed = false;

  const goOn = (place: Place): void => {
    if (standing.delete(place)) queue.release(place);
  };

  const acknowledge = ({ place, messages, writes }: Part): void => {
    sequencer.advance(place, messages.length);
    goOn(place);
    for (const one of writes) if ((one.unwritten -= 1) === 0) one.resolve();
  };

  /** Takes out of `parts` what is acknowledged; what has no leader is left in it. */
  const send = (parts: Set<Part>): Promise<void> =>
    session.use([...new Set([...parts].map(({ place }) => place.topic))], async (cluster) => {
      const leaderOf = ({ place }: Part): number | undefined => leadersOf(cluster, place.topic).get(place.partition);
      if ([...parts].some((part) => leaderOf(part) === undefined)) await cluster.refreshMetadata();
      const identity = await sequencer.identity(cluster);
      const requests = [...groupBy([...parts], leaderOf)].map(async ([nodeId, ofNode]) => {
        if (nodeId === undefined) return;
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
        for (const part of ofNode) {
          parts.delete(part);
          acknowledge(part);
        }
      });
      const refused = (await Promise.allSettled(requests)).find(({ status }) => status === 'rejected');
      if (refused?.status === 'rejected') throw refused.reason;
    });

  const write = async (parts: Set<Part>): Promise<void> => {
    const attempt = async (): Promise<void> => {
      try {
        await send(parts);
      } catch (error) {
        logger.debug({ reason: rootOf(error).message, partitions: parts.size }, 'writing to Kafka failed');
        if (sequencer.isLost(error)) sequencer.forget();
        throw error;
      }
    };
    await retrying(attempt, { timeoutMs, stopped: () => closed });
  };

  const reject = (writes: Iterable<Write>, error: unknown): void => {
    for (const write of writes) {
      if (!write.failed) write.reject(error);
      write.failed = true;
    }
  };

  /** A record that the broker does not take is its writer's problem; one that cannot be written now stops all behind it. */
  const fail = (parts: Iterable<Part>, error: unknown): void => {
    sequencer.forget();
    const writes = [...parts].flatMap((part) => part.writes);
    const type = failureType(error);
    if (isFinal(error) && (type.endsWith('_TOO_LARGE') || type.startsWith('INVALID_'))) {
      const problems = [
        {
          path: 'kafka',
          message: `${type}: ${rootOf(error).message ?? ''}`,
          hint: 'see the topic’s max.message.bytes, and message.timestamp.before.max.ms',
        },
      ];
      for (const { place } of parts) goOn(place);
      reject(writes, new WatchnextError('event_invalid', 'the broker does not take a record', { problems }));
      return;
    }
    const failure = unavailable('Kafka does not take records', error);
    const waiting = [...standing.values()].flatMap((part) => part.writes);
    standing.clear();
    reject([...writes, ...waiting, ...queue.drain()], failure);
  };

  const stand = (part: Part): void => {
    const { topic, partition } = part.place;
    if (!standing.has(part.place)) logger.warn({ topic, partition }, 'a partition has no leader: its records wait');
    standing.set(part.place, part);
    queue.hold(part.place);
  };

  /** What is left of its calls goes on its way: others of the same partitions may be behind it already. */
  const giveUp = ({ place, writes }: Part): void => {
    sequencer.forget();
    const message = `partition ${place.partition} of ${place.topic} has no leader`;
    const failure = unavailable('Kafka does not take records', { message, type: 'LEADER_NOT_AVAILABLE' });
    const waiting = queue.drain(place);
    standing.delete(place);
    for (const write of new Set([...writes, ...waiting])) write.reject(failure);
  };

  const rest = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      timer = setTimeout(resolve, Math.max(0, lookAgainAt - performance.now()));
    });
    clearTimeout(timer);
  };

  /** One request to each broker. */
  const round = async (): Promise<void> => {
    const due = performance.now() >= lookAgainAt ? [...standing.values()] : [];
    const fresh = partsOf(queue.cut(), { now: now(), deadline: performance.now() + timeoutMs });
    if (due.length + fresh.length === 0) return standing.size > 0 && !closed ? rest() : undefined;
    const parts = new Set([...due, ...fresh]);
    try {
      await write(parts);
    } catch (error) {
      fail(parts, error);
      return;
    }
    for (const part of parts) stand(part);
    if (due.length > 0 || parts.size > 0) lookAgainAt = performance.now() + LEADERLESS_MS;
  };

  const run = async (): Promise<void> => {
    // At least to the end of this turn.
    await new Promise((resolve) => (lingerMs > 0 ? setTimeout(resolve, lingerMs) : setImmediate(resolve)));
    while (queue.records > 0 || standing.size > 0) {
      await round();
      for (const part of [...standing.values()]) if (closed || performance.now() >= part.deadline) giveUp(part);
    }
    running = undefined;
    refusing = false;
  };

  return {
    append(records) {
      if (closed) return Promise.reject(new WatchnextError('log_unavailable', 'the log is closed'));
      if (records.length === 0) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        const write = { unwritten: records.length, failed: false, resolve, reject };
        refusing ||= !queue.offer(records, write);
        if (refusing)
          reject(
            new WatchnextError('log_unavailable', 'too much waits to be written to Kafka', {
              problems: [{ path: 'queue', message: `${queue.records} records, ${queue.bytes} bytes wait` }],
            }),
          );
        running ??= run();
        wake();
      });
    },
    async close() {
      closed = true;
      wake();
      await running;
      await session.close();
    },
  };
};
