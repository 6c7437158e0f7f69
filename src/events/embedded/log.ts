import { resolve } from 'node:path';
import { WatchnextError } from '../../errors.js';
import type { EventLog, Offsets, Topic } from '../types.js';
import { TopicStore } from './store.js';
import { EmbeddedTopic, type Retention } from './topic.js';

export interface EmbeddedLogOptions {
  /** A folder, made if it is not there; on a local disk of one machine. */
  readonly directory: string;
  /** Of each topic, when it is made; one that exists keeps its own. Default 4. */
  readonly partitions?: number;
  readonly retention?: Retention;
  /** Topics that this process will write: opening rejects with log_locked where another process does already. */
  readonly writes?: readonly Topic[];
  /** Milliseconds since the epoch, for retention. */
  readonly now?: () => number;
}

export interface EmbeddedLog extends EventLog {
  /** Drops now what retention no longer keeps; appending does so by itself. */
  trim(topic: Topic): Promise<void>;
  /** Drops the records before these offsets; a partition without one keeps all. */
  forget(topic: Topic, before: Offsets): Promise<void>;
  /** By partition: about how many bytes its records take. */
  bytes(topic: Topic): Promise<readonly number[]>;
}

const longestSegmentBytes = 16 * 1024 * 1024;

/**
 * An event log in a folder, on LMDB. Appends are durable when they resolve; those of the same moment share one flush. Any
 * number of processes read, one writes a topic: another one's append rejects with log_locked until that process has closed
 * the log or is gone, however it ended. Retention drops whole runs of up to 1024 records, so it keeps a little more.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { partitions = 4, retention = {}, writes = [], now = Date.now } = options;
  const directory = resolve(options.directory);
  const topics = new Map<Topic, EmbeddedTopic>();
  const { ageMs = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = retention;
  let closed = false;
  const open = (topic: Topic): EmbeddedTopic => {
    if (closed) throw new WatchnextError('log_unavailable', 'The event log is closed.');
    const known = topics.get(topic);
    if (known !== undefined) return known;
    const segmentBytes = Math.min(longestSegmentBytes, bytes / (16 * partitions));
    const store = new TopicStore({ directory, topic, partitions, segmentBytes, segmentMs: ageMs / 16 });
    const opened = new EmbeddedTopic(store, { retention, now });
    topics.set(topic, opened);
    return opened;
  };
  // Whatever fails here rejects.
  const topicOf = (topic: Topic): Promise<EmbeddedTopic> => Promise.resolve(topic).then(open);
  const log: EmbeddedLog = {
    kind: 'embedded',
    partitions: async (topic) => (await topicOf(topic)).store.partitions,
    append: async (topic, records) => (await topicOf(topic)).append(records),
    reader: async (topic, from) => (await topicOf(topic)).reader(from),
    bounds: async (topic) => {
      const { store } = await topicOf(topic);
      store.refresh();
      return Array.from({ length: store.partitions }, (_, partition) => store.bounds(partition));
    },
    trim: async (topic) => (await topicOf(topic)).trim(),
    forget: async (topic, before) => {
      const { store } = await topicOf(topic);
      for (const [partition, offset] of before.entries()) await store.forget(partition, offset);
    },
    bytes: async (topic) => {
      const { store } = await topicOf(topic);
      store.refresh();
      return Array.from({ length: store.partitions }, (_, partition) => store.bytes(partition));
    },
    close: async () => {
      closed = true;
      await Promise.all([...topics.values()].map((topic) => topic.close()));
    },
  };
  try {
    for (const topic of writes) await (await topicOf(topic)).store.hold();
  } catch (error) {
    await log.close();
    throw error;
  }
  return log;
}
