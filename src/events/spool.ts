import { silentLogger, type Logger, type Metrics } from '../telemetry/index.js';
import { createSpoolLane, type SpoolLane } from './spool-lane.js';
import { openSpoolQueue, type SpoolQueue, type SpoolStore, type SpoolUse } from './spool-queue.js';
import { topics, type EventLog, type Topic } from './types.js';

/** A log that takes records also while the log behind it is away. */
export interface SpooledLog extends EventLog {
  /** What waits to be forwarded. */
  spooled(topic: Topic): SpoolUse;
}

/**
 * Appends go to `log`; while it is log_unavailable, or slower than they come (two megabytes in one call), they go to `spool`,
 * resolve when they are durable there, and are forwarded in the order of the calls. As long as anything of a topic waits, new
 * records go behind it, so that none overtakes another. Killed at any point nothing is lost; what was just forwarded may be
 * forwarded again (readers count an event once). More than `maxBytes` in the spool is log_full; what `log` never takes is refused
 * at once. Reading goes to `log` alone.
 *
 * `log` must, once it refuses a record as log_unavailable, refuse all that it was given after it for the same partition, as a
 * Kafka log does. A partition that it refuses holds up no other, but nothing is forgotten that was spooled after its first. `spool`
 * belongs to this alone, keeps everything until it is told to forget it, and needs one partition. `close` closes both.
 */
export const openSpooledLog = async (parts: {
  readonly log: EventLog;
  readonly spool: SpoolStore;
  /** Room for all topics together. */
  readonly maxBytes: number;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  readonly now?: () => number;
}): Promise<SpooledLog> => {
  const { log, spool, maxBytes, logger = silentLogger, metrics, now = Date.now } = parts;
  let used = 0;
  const room = {
    take(bytes: number): boolean {
      if (used + bytes > maxBytes) return false;
      used += bytes;
      return true;
    },
    add(bytes: number): void {
      used += bytes;
    },
  };
  const openLane = async (topic: Topic): Promise<readonly [Topic, SpoolQueue, SpoolLane]> => {
    const unreadable = (offset: number, error: unknown): void =>
      logger.error({ topic, offset, reason: String(error) }, 'a spooled record cannot be read and is left out');
    const queue = await openSpoolQueue({ topic, store: spool, room, unreadable, now });
    const forwarded = (records: number): void => metrics?.count('watchnext_spool_forwarded_total', { topic }, records);
    return [topic, queue, createSpoolLane({ topic, log, queue, forwarded, logger })];
  };
  const lanes = await Promise.all(topics.map(openLane));
  const queues = new Map(lanes.map(([topic, queue]) => [topic, queue]));
  const laneOf = new Map(lanes.map(([topic, , lane]) => [topic, lane]));
  const useOf = (topic: Topic): SpoolUse => queues.get(topic)?.use() ?? { records: 0, bytes: 0, since: undefined };

  metrics?.beforeScrape(() => {
    for (const topic of topics) {
      const { records, bytes, since } = useOf(topic);
      metrics.set('watchnext_spool_records', { topic }, records);
      metrics.set('watchnext_spool_bytes', { topic }, bytes);
      metrics.set('watchnext_spool_oldest_seconds', { topic }, since === undefined ? 0 : (now() - since) / 1000);
    }
  });

  return {
    kind: log.kind,
    spooled: useOf,
    partitions: (topic) => log.partitions(topic),
    bounds: (topic) => log.bounds(topic),
    reader: (topic, options) => log.reader(topic, options),
    append: (topic, records) => laneOf.get(topic)?.append(records) ?? Promise.resolve(),
    async close() {
      await log.close();
      await Promise.all(lanes.map(([, , lane]) => lane.close()));
      await spool.close();
    },
  };
};
