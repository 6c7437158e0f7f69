import { WatchnextError } from '../errors.js';
import { decodeEvent, partitionOf, type EventId, type EventLog, type Impression } from '../events/index.js';

export interface FindOptions {
  readonly log: EventLog;
  readonly requestId: string;
  /** Who asked: then one partition is looked through instead of all. */
  readonly user?: EventId;
  /** How many of how many places in the log were looked at. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Places of a partition that are read at once; a reader costs a connection, a block memory. */
const blockLength = 20_000;
const recordsAtOnce = 2000;
const waitMs = 1000;
/** For so long a log may have no answer for what its bounds say that it has. */
const longestQuietMs = 30_000;

/**
 * The newest impression of this request, looked for from the end of the log backwards. Undefined if there is none (any more).
 * What cannot be read on the way is passed over: it is for who follows the log to tell. Rejects with log_unavailable where the
 * log does not hand out all that it has.
 */
export const findImpression = async (options: FindOptions): Promise<Impression | undefined> => {
  const { log, requestId, user, onProgress } = options;
  const bounds = await log.bounds('events');
  const partitions =
    user === undefined ? [...bounds.keys()] : [partitionOf(String(user), await log.partitions('events'))];
  const ends = new Map(partitions.map((partition) => [partition, bounds[partition]?.next ?? 0]));
  const firstOf = (partition: number): number => bounds[partition]?.first ?? 0;
  const total = partitions.reduce((sum, partition) => sum + (ends.get(partition) ?? 0) - firstOf(partition), 0);
  let done = 0;
  while (ends.size > 0) {
    const found: Impression[] = [];
    for (const [partition, end] of [...ends]) {
      const start = Math.max(firstOf(partition), end - blockLength);
      const impression = await lastInBlock(log, { partition, start, end, requestId });
      if (impression !== undefined) found.push(impression);
      done += end - start;
      onProgress?.(done, total);
      if (start <= firstOf(partition)) ends.delete(partition);
      else ends.set(partition, start);
    }
    if (found.length > 0) return found.reduce((newest, each) => (each.time > newest.time ? each : newest));
  }
  return undefined;
};

interface Block {
  readonly partition: number;
  /** Offsets; `end` is the first behind it. */
  readonly start: number;
  readonly end: number;
  readonly requestId: string;
}

/** Retention may overtake the search at its far end: then what is kept is looked through. */
const lastInBlock = async (log: EventLog, block: Block): Promise<Impression | undefined> => {
  try {
    return await lastKept(log, block);
  } catch (error) {
    if (!(error instanceof WatchnextError && error.code === 'log_gap')) throw error;
    const start = (await log.bounds('events'))[block.partition]?.first ?? 0;
    if (start <= block.start) throw error;
    return lastInBlock(log, { ...block, start });
  }
};

const lastKept = async (
  log: EventLog,
  { partition, start, end, requestId }: Block,
): Promise<Impression | undefined> => {
  if (start >= end) return undefined;
  const from = Array.from({ length: partition + 1 }, (_, each) => (each === partition ? start : 0));
  const reader = await log.reader('events', { from, partitions: [partition] });
  let last: Impression | undefined;
  let quietMs = 0;
  try {
    for (let at = start; at < end;) {
      const records = await reader.next({ most: recordsAtOnce, waitMs });
      quietMs = records.length > 0 ? 0 : quietMs + waitMs;
      if (quietMs >= longestQuietMs) throw silent({ partition, at, end });
      for (const { offset, value } of records) {
        at = offset + 1;
        if (offset >= end) break;
        const event = impressionIn(value);
        if (event?.requestId === requestId) last = event;
      }
    }
    return last;
  } finally {
    await reader.close();
  }
};

const silent = ({ partition, at, end }: { partition: number; at: number; end: number }): WatchnextError =>
  new WatchnextError('log_unavailable', 'The event log does not hand out all that it has.', {
    problems: [
      {
        path: `events/${partition}`,
        message: `nothing came from offset ${at} on in ${longestQuietMs / 1000} s, and it ends before ${end}`,
        hint: 'see that the log can be reached, and try again',
      },
    ],
  });

const impressionIn = (value: Uint8Array): Impression | undefined => {
  try {
    const event = decodeEvent(value);
    return event.kind === 'impression' ? event : undefined;
  } catch {
    return undefined;
  }
};
