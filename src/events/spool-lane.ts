import { WatchnextError } from '../errors.js';
import { decodeEvent } from './codec.js';
import { partitionOf } from './record.js';
import type { Logger } from '../telemetry/index.js';
import type { SpooledChunk, SpoolQueue } from './spool-queue.js';
import type { EventLog, NewRecord, Topic } from './types.js';

/** The way of one topic's records to the log, through its spool when the log is away or behind. */
export interface SpoolLane {
  append(records: readonly NewRecord[]): Promise<void>;
  /** Call it after the log is closed. Resolves when every append is settled and nothing is forwarded any more. */
  close(): Promise<void>;
}

interface Waiting {
  readonly order: number;
  readonly records: readonly NewRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const RETRY_MS = 200;
/** Of what the log refuses for one partition so much is kept in memory while the others are forwarded. */
const HELD_BYTES = 16 << 20;
const HELD_RECORDS = 20_000;
/** Whoever comes with so much at once has waited for the log: by themselves a service's events come a few at a time. */
const BEHIND_BYTES = 2 << 20;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : 'no reason given');

const isAway = (error: unknown): boolean => error instanceof WatchnextError && error.code === 'log_unavailable';

const bytesOf = (records: readonly NewRecord[]): number =>
  records.reduce((bytes, { value }) => bytes + value.length, 0);

const isLarge = (records: readonly NewRecord[]): boolean => bytesOf(records) >= BEHIND_BYTES;

const byPartition = (records: readonly NewRecord[], partitions: number): ReadonlyMap<number, readonly NewRecord[]> => {
  const groups = new Map<number, NewRecord[]>();
  for (const record of records) {
    const partition = 'key' in record ? partitionOf(record.key, partitions) : record.partition;
    const group = groups.get(partition);
    if (group === undefined) groups.set(partition, [record]);
    else group.push(record);
  }
  return groups;
};

const isMarker = (value: Uint8Array): boolean => {
  try {
    return decodeEvent(value).kind === 'marker';
  } catch {
    return false;
  }
};

/**
 * `direct`: records go to the log, unless they come faster than it takes them: a call that has become large goes to the spool,
 * which has the room of a disk, and the rest behind it. When the log refuses one for being away: `retreating`, until all that is
 * under way is settled, while new ones wait; then what was refused and what waits goes to the spool in the order of the calls.
 * `spooling`: records go to the end of the spool and its front is forwarded; when nothing is left it is `direct` again, within
 * one turn. What the log refuses for one partition holds up no other: what is for each goes by itself, in its order.
 */
export const createSpoolLane = (parts: {
  readonly topic: Topic;
  readonly log: EventLog;
  readonly queue: SpoolQueue;
  readonly forwarded: (records: number) => void;
  readonly logger: Logger;
}): SpoolLane => {
  const { topic, log, queue, logger } = parts;
  let mode: 'direct' | 'retreating' | 'spooling' = 'direct';
  let calls = 0;
  let underWay = 0;
  let retreat: Waiting[] = [];
  const pending = new Set<Promise<void>>();
  let forwarding = Promise.resolve();
  let closed = false;
  /** Of the log, once something was written to it. */
  let partitions: number | undefined;
  const sleepers = new Set<() => void>();

  const sleep = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    let wake: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      sleepers.add((wake = resolve));
      timer = setTimeout(resolve, RETRY_MS);
    });
    clearTimeout(timer);
    if (wake !== undefined) sleepers.delete(wake);
  };

  /** Again and again until it succeeds: to go on without it would lose a record or let others overtake it. */
  const insist = async <T>(doing: string, work: () => Promise<T>, refused?: () => void): Promise<T> => {
    for (let told = false; ;) {
      try {
        return await work();
      } catch (error) {
        if (closed) throw error;
        if (!isAway(error)) {
          if (!told) logger.error({ topic, reason: reasonOf(error) }, doing);
          told = true;
        }
        refused?.();
        await sleep();
      }
    }
  };

  /** A topic that was made anew may have fewer partitions than when a time marker was spooled: it says nothing of those left. */
  const withoutGone = (records: readonly NewRecord[], partitions: number): readonly NewRecord[] => {
    const left = records.filter(
      (record) => 'key' in record || record.partition < partitions || topic !== 'events' || !isMarker(record.value),
    );
    const gone = records.length - left.length;
    if (gone > 0)
      logger.warn({ topic, records: gone, partitions }, 'time markers for partitions that are gone: left out');
    return left;
  };

  const forward = async (): Promise<void> => {
    let moved = 0;
    const count = await insist('the log cannot tell its partitions', () => log.partitions(topic));
    /** By partition: until the last of what was begun is forwarded. */
    const ways = new Map<number, Promise<void>>();
    const held = { bytes: 0, records: 0 };
    const hold = (records: readonly NewRecord[], sign: 1 | -1): void => {
      held.bytes += sign * bytesOf(records);
      held.records += sign * records.length;
    };
    let dropped = Promise.resolve();

    /** Resolves when each part of the chunk is forwarded, or refused and waits. */
    const send = async (chunk: SpooledChunk): Promise<void> => {
      const turns: Promise<void>[] = [];
      const sent: Promise<void>[] = [dropped];
      for (const [partition, records] of byPartition(withoutGone(chunk.records, count), count)) {
        let refused = (): void => undefined;
        const isRefused = new Promise<void>((resolve) => (refused = resolve));
        const before = ways.get(partition);
        if (before !== undefined) refused();
        hold(records, 1);
        const way = (before ?? Promise.resolve())
          .then(() => insist('the log refuses spooled events', () => log.append(topic, records), refused))
          .then(() => {
            hold(records, -1);
            if (ways.get(partition) === way) ways.delete(partition);
          });
        ways.set(partition, way);
        sent.push(way);
        turns.push(Promise.race([way, isRefused]));
      }
      dropped = Promise.all(sent).then(async () => {
        await insist('the spool cannot forget what is forwarded', () => queue.drop(chunk));
        moved += chunk.count;
        parts.forwarded(chunk.count);
      });
      // Told to who waits for it at the end.
      dropped.catch(() => undefined);
      await Promise.all(turns);
      if (ways.size === 0) await dropped;
    };

    try {
      while (queue.use().records > 0) {
        while (held.bytes > HELD_BYTES || held.records > HELD_RECORDS) await Promise.race(ways.values());
        const chunk = await insist('the spool cannot be read', () => queue.take());
        if (closed) return;
        if (chunk.count > 0) await send(chunk);
      }
      mode = 'direct';
      logger.info({ topic, records: moved }, 'all spooled events are forwarded');
    } finally {
      await Promise.allSettled([...ways.values(), dropped]);
    }
  };

  const startForwarding = (): void => {
    mode = 'spooling';
    // It ends early only by closing; what is not forwarded then is so after the next start.
    forwarding = forward().catch(() => undefined);
  };

  const spoolRetreat = (): void => {
    const waiting = retreat.sort((a, b) => a.order - b.order);
    retreat = [];
    for (const { records, resolve, reject } of waiting) queue.push(records).then(resolve, reject);
    startForwarding();
  };

  const settle = (waiting: Waiting, error?: unknown): void => {
    underWay -= 1;
    if (error === undefined) {
      waiting.resolve();
      // Not before: to ask for them makes the topic.
      if (partitions === undefined)
        void log.partitions(topic).then(
          (count) => (partitions = count),
          () => undefined,
        );
    } else if (!isAway(error)) waiting.reject(error);
    else {
      if (mode === 'direct') logger.warn({ topic, reason: reasonOf(error) }, 'the log is away: events are spooled');
      mode = 'retreating';
      retreat.push(waiting);
    }
    if (mode === 'retreating' && underWay === 0) spoolRetreat();
  };

  const put = (records: readonly NewRecord[]): Promise<void> => {
    if (mode === 'spooling') return queue.push(records);
    if (mode === 'direct' && underWay === 0 && isLarge(records)) {
      logger.info({ topic }, 'the log is behind: events are spooled');
      const pushed = queue.push(records);
      startForwarding();
      return pushed;
    }
    // By partition: what the log takes for one is not to come again because it refuses what is for another.
    const groups = partitions === undefined ? [records] : [...byPartition(records, partitions).values()];
    return Promise.all(groups.map(putDirectly)).then(() => undefined);
  };

  const putDirectly = (records: readonly NewRecord[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const waiting = { order: (calls += 1), records, resolve, reject };
      if (mode === 'retreating') {
        retreat.push(waiting);
        return;
      }
      underWay += 1;
      log.append(topic, records).then(
        () => settle(waiting),
        (error: unknown) => settle(waiting, error),
      );
    });

  if (queue.use().records > 0) startForwarding();
  return {
    async append(records) {
      if (closed) throw new WatchnextError('log_unavailable', 'the log is closed');
      // In the spool it would be in the way of all others for ever.
      log.check?.(records);
      const appended = put(records);
      const settled = appended.catch(() => undefined).finally(() => pending.delete(settled));
      pending.add(settled);
      await appended;
    },
    async close() {
      closed = true;
      for (const wake of sleepers) wake();
      await Promise.all(pending);
      await forwarding;
      await queue.close();
    },
  };
};
