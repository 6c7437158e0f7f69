import { WatchnextError } from '../../errors.js';
import type { LogReader } from '../types.js';
import { failureType, isFinal, pause, rootOf } from './failures.js';
import { readReply, recordsOf, type FetchedPartition } from './fetched.js';
import { FetchedQueue } from './fetched-queue.js';
import { fetchFromBroker, requireNoError } from './internals.js';
import type { ResolvedKafkaOptions } from './options.js';
import { leadersOf, type Session } from './session.js';
import type { KafkaTopics } from './topics.js';

/** The broker answers as soon as there is anything; until then a request waits there this long. */
const BROKER_WAIT_MS = 500;
const PARTITION_BYTES = 1 << 20;
const REPLY_BYTES = 4 << 20;
/** The next reply is asked for while at most this much waits to be taken. */
const AHEAD_BYTES = 4 << 20;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** How long a partition without a leader is left alone before its leader is looked for again. */
const LEADERLESS_MS = 500;

/**
 * Fetches from each leader by offset, without a consumer group: the first record is there after one round trip, and nobody
 * but the caller says where to read on. One request per leader is under way at most, started by `next`, so an idle reader asks nothing and
 * a slow one holds no more than two replies of each leader. A partition without a leader holds up no other.
 */
export const createKafkaReader = (parts: {
  readonly topic: string;
  readonly start: ReadonlyMap<number, number>;
  readonly session: Session;
  readonly topics: KafkaTopics;
  readonly options: ResolvedKafkaOptions;
}): LogReader => {
  const { topic, session, topics } = parts;
  const { logger, timeoutMs } = parts.options;
  /**
   * Where to read on. The partition that waited longest is first: brokers fill a reply in the order of the request, and only the
   * first may have a batch that is larger than what was asked for.
   */
  const position = new Map(parts.start);
  const ready = new FetchedQueue();
  const busy = new Set<number>();
  /** Undefined until they are asked for. */
  let leaders: ReadonlyMap<number, number> | undefined;
  /** Those without a leader when it was last looked for. */
  let leaderless: readonly number[] = [];
  let lookAgainAt = 0;
  let finding = false;
  let pauseMs = 0;
  let failure: unknown;
  let closed = false;
  let wake: () => void = () => undefined;

  const take = ({ partition, batches }: FetchedPartition): void => {
    for (const batch of batches) {
      const from = position.get(partition) ?? 0;
      // A batch comes whole, also when the offset asked for is in its middle.
      if (batch.next <= from) continue;
      ready.add(recordsOf(batch, { partition, topic, from }));
      position.delete(partition);
      position.set(partition, batch.next);
    }
  };

  const gapOf = async (): Promise<WatchnextError | undefined> => {
    const partitions = [...position.keys()].filter((partition) => !leaderless.includes(partition));
    const bounds = await topics.bounds(topic, partitions);
    for (const [i, partition] of partitions.entries()) {
      const offset = position.get(partition) ?? 0;
      const { first = 0, next = 0 } = bounds[i] ?? {};
      if (offset >= first && offset <= next) continue;
      const message =
        offset < first
          ? `offset ${offset} was removed by retention; the first one kept is ${first}`
          : `offset ${offset} is beyond the end, ${next}: the topic lost its end or was made anew`;
      return new WatchnextError('log_gap', `topic ${topic} does not have what should be read next`, {
        problems: [
          {
            path: `${topic}/${partition}`,
            message,
            hint: 'start from what is kept, knowing that the events between are lost, and keep the topic longer',
          },
        ],
      });
    }
    return undefined;
  };

  const recover = async (error: unknown): Promise<void> => {
    if (closed) return;
    if (isFinal(error) && error instanceof WatchnextError) failure = error;
    else if (failureType(error) === 'OFFSET_OUT_OF_RANGE') failure = await gapOf().catch(() => undefined);
    if (failure !== undefined) return;
    if (pauseMs === 0)
      logger.warn({ topic, reason: rootOf(error).message }, 'reading from Kafka stopped; trying again');
    pauseMs = Math.min(Math.max(2 * pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    leaders = undefined;
    await pause(pauseMs);
  };

  const fetchFrom = async (nodeId: number): Promise<void> => {
    busy.add(nodeId);
    try {
      await session.use([topic], async (cluster) => {
        const broker = await cluster.findBroker({ nodeId });
        const partitions = [...position]
          .filter(([partition]) => leaders?.get(partition) === nodeId)
          .map(([partition, offset]) => ({ partition, fetchOffset: String(offset), maxBytes: PARTITION_BYTES }));
        const request = {
          maxWaitTime: BROKER_WAIT_MS,
          minBytes: 1,
          maxBytes: REPLY_BYTES,
          isolationLevel: 0,
          topics: [{ topic, partitions }],
        };
        const fetched = await readReply(await fetchFromBroker(broker, request, timeoutMs), topic);
        if (!closed) fetched.filter(({ errorCode }) => errorCode === 0).forEach(take);
        fetched.forEach(requireNoError);
      });
      if (pauseMs > 0) logger.info({ topic }, 'reading from Kafka goes on');
      pauseMs = 0;
    } catch (error) {
      await recover(error);
    } finally {
      busy.delete(nodeId);
      wake();
    }
  };

  const tellOfLeaders = (without: readonly number[]): void => {
    if (String(without) === String(leaderless)) return;
    if (without.length > 0)
      logger.warn({ topic, partitions: without }, 'partitions have no leader: they are read when they have one');
    else logger.info({ topic }, 'all partitions have a leader');
    leaderless = without;
  };

  const findLeaders = async (): Promise<void> => {
    finding = true;
    try {
      const found = await session.use([topic], async (cluster) => {
        if (leaderless.length > 0) await cluster.refreshMetadata();
        return leadersOf(cluster, topic);
      });
      leaders = found;
      lookAgainAt = performance.now() + LEADERLESS_MS;
      tellOfLeaders([...position.keys()].filter((partition) => !found.has(partition)).sort((a, b) => a - b));
    } catch (error) {
      await recover(error);
    } finally {
      finding = false;
      wake();
    }
  };

  /** Starts whatever is needed and not yet under way. */
  const ask = (): void => {
    if (closed || failure !== undefined || ready.bytes > AHEAD_BYTES) return;
    if (leaders === undefined) {
      if (!finding && busy.size === 0) void findLeaders();
      return;
    }
    for (const partition of position.keys()) {
      const nodeId = leaders.get(partition);
      if (nodeId !== undefined && !busy.has(nodeId)) void fetchFrom(nodeId);
    }
    if (leaderless.length > 0 && !finding && performance.now() >= lookAgainAt) void findLeaders();
  };

  const waitForRecords = async (waitMs: number): Promise<void> => {
    const deadline = performance.now() + waitMs;
    for (;;) {
      ask();
      const leftMs = deadline - performance.now();
      if (!ready.isEmpty || failure !== undefined || closed || leftMs <= 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        const looksAgain = leaders !== undefined && leaderless.length > 0 && !finding;
        const untilLookMs = looksAgain ? lookAgainAt - performance.now() : Infinity;
        timer = setTimeout(resolve, Math.max(0, Math.min(leftMs, untilLookMs)));
      });
      clearTimeout(timer);
    }
  };

  return {
    async next({ most, waitMs }) {
      if (ready.isEmpty) await waitForRecords(waitMs);
      if (ready.isEmpty && failure !== undefined) throw failure as Error;
      if (closed) throw new WatchnextError('log_unavailable', 'the reader is closed');
      const records = ready.take(most);
      ask();
      return records;
    },
    async close() {
      closed = true;
      wake();
      await session.close();
    },
  };
};
