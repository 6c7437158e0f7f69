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
  /** At once, so that calls keep their order; what is thrown rejects. */
  const within = <T>(topic: Topic, work: (topic: EmbeddedTopic) => T | Promise<T>): Promise<T> =>
    new Promise((done) => done(work(open(topic))));
  const log: EmbeddedLog = {
    kind: 'embedded',
    partitions: (topic) => within(topic, ({ store }) => store.partitions),
    append: (topic, records) => within(topic, (opened) => opened.append(records)),
    reader: (topic, from) => within(topic, (opened) => opened.reader(from)),
    bounds: (topic) => within(topic, ({ store }) => eachPartition(store, (partition) => store.bounds(partition))),
    trim: (topic) => within(topic, (opened) => opened.trim()),
    forget: (topic, before) =>
      within(topic, async ({ store }) => {
        for (const [partition, offset] of before.entries()) await store.forget(partition, offset);
      }),
    bytes: (topic) => within(topic, ({ store }) => eachPartition(store, (partition) => store.bytes(partition))),
    close: async () => {
      closed = true;
      await Promise.all([...topics.values()].map((topic) => topic.close()));
    },
  };
  try {
    for (const topic of writes) await open(topic).store.hold();
  } catch (error) {
    await log.close();
    throw error;
  }
  return log;
}

function eachPartition<T>(store: TopicStore, read: (partition: number) => T): T[] {
  store.refresh();
  return Array.from({ length: store.partitions }, (_, partition) => read(partition));
}
