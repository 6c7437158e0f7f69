import { WatchnextError, type Problem } from '../../errors.js';
import { silentLogger, type Logger } from '../../telemetry/index.js';
import { partitionOf } from '../record.js';
import type { EventLog, LogReader, NewRecord, ReaderOptions, Topic } from '../types.js';
import { MAX_RECORD_BYTES, resolveKafkaOptions, type KafkaOptions } from './options.js';
import { createKafkaProducer } from './producer.js';
import { sizeOf, type Outgoing, type Place } from './queue.js';
import { createKafkaReader } from './reader.js';
import { createSession } from './session.js';
import { createKafkaTopics } from './topics.js';

const keyOf = (record: NewRecord): string | undefined => ('key' in record ? record.key : undefined);

const nowhere: Place = { topic: '', partition: -1 };

const tooLarge = (records: readonly NewRecord[]): Problem[] =>
  records.flatMap((record, i) => {
    const bytes = sizeOf({ key: keyOf(record), value: record.value });
    if (bytes <= MAX_RECORD_BYTES) return [];
    return [{ path: `records/${i}`, message: `a record of ${bytes} bytes is larger than ${MAX_RECORD_BYTES}` }];
  });

const refuse = (problems: readonly Problem[]): void => {
  if (problems.length > 0)
    throw new WatchnextError('event_invalid', 'records cannot be written to Kafka', { problems });
};

/** Where each record goes. Throws event_invalid, with all problems, for what no broker would take. */
const placed = (records: readonly NewRecord[], places: readonly Place[]): Outgoing[] => {
  const problems = tooLarge(records);
  const partitions = places.length;
  const outgoing = records.map((record, i): Outgoing => {
    const key = keyOf(record);
    const partition = 'key' in record ? partitionOf(record.key, partitions) : record.partition;
    const place = places[partition];
    if (place === undefined)
      problems.push({
        path: `records/${i}`,
        message: `partition ${partition} does not exist: there are ${partitions}`,
      });
    return { place: place ?? nowhere, key, time: record.time, value: record.value };
  });
  refuse(problems);
  return outgoing;
};

/** See `openKafkaLog`. */
export const createKafkaLog = (
  given: KafkaOptions & { readonly logger?: Logger; readonly now?: () => number },
): EventLog => {
  const options = resolveKafkaOptions(given, given.logger ?? silentLogger);
  const questions = createSession(options);
  const topics = createKafkaTopics(options, questions);
  const producer = createKafkaProducer(options, createSession(options), given.now ?? Date.now);
  const readers = new Set<LogReader>();
  const places = new Map<Topic, readonly Place[]>();
  const nameOf = (topic: Topic): string => `${options.topicPrefix}${topic}`;

  const placesOf = async (topic: Topic): Promise<readonly Place[]> => {
    const name = nameOf(topic);
    const count = await topics.partitions(name);
    const known = places.get(topic) ?? Array.from({ length: count }, (_, partition) => ({ topic: name, partition }));
    places.set(topic, known);
    return known;
  };

  const startOf = async (
    topic: string,
    { from, wanted }: { readonly from: ReaderOptions['from']; readonly wanted: readonly number[] },
  ): Promise<ReadonlyMap<number, number>> => {
    if (typeof from !== 'string') return new Map(wanted.map((partition) => [partition, from[partition] ?? 0]));
    const bounds = await topics.bounds(topic, wanted);
    return new Map(bounds.map(({ first, next }, i) => [wanted[i] ?? 0, from === 'start' ? first : next]));
  };

  return {
    kind: 'kafka',
    check: (records) => refuse(tooLarge(records)),
    partitions: (topic) => topics.partitions(nameOf(topic)),
    bounds: (topic) => topics.bounds(nameOf(topic)),
    async append(topic, records) {
      await producer.append(placed(records, places.get(topic) ?? (await placesOf(topic))));
    },
    async reader(topic, { from, partitions }) {
      const name = nameOf(topic);
      const count = await topics.partitions(name);
      const wanted = partitions ?? Array.from({ length: count }, (_, partition) => partition);
      const start = await startOf(name, { from, wanted });
      const session = createSession(options);
      const reader = createKafkaReader({ topic: name, start, session, topics, options });
      const tracked: LogReader = {
        next: (request) => reader.next(request),
        close: async () => {
          readers.delete(tracked);
          await reader.close();
        },
      };
      readers.add(tracked);
      return tracked;
    },
    async close() {
      await Promise.all([...readers].map((reader) => reader.close()));
      await producer.close();
      await questions.close();
    },
  };
};
