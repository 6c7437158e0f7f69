import { streamSettings, type RankerDefinition } from '../definition/index.js';
import type { WatchnextError } from '../errors.js';
import type { DeadLetter, EventLog, LogRecord, Offsets } from '../events/index.js';
import { decodeFrame, encodeFrame } from '../features/index.js';
import { openFairReader } from './fair-reader.js';
import { createJoiner, restoreJoiner, type Joiner } from './joiner.js';
import { createMerge, restoreMerge, type Merge } from './merge.js';
import { packBytes, unpackBytes } from './packing.js';
import type { JoinCounters, Joined, JoinedStream, MergedEvent } from './types.js';

const format = { magic: 'WNJS', version: 1, what: 'joined stream' };

export interface JoinedStreamOptions {
  readonly log: EventLog;
  readonly definition: RankerDefinition;
  /** To go on where another stream was: what its `snapshot` answered. */
  readonly snapshot?: Uint8Array;
  /** Where to begin otherwise: by partition, e.g. a StreamPosition's `offsets`; the start of the log if left out. */
  readonly from?: Offsets | 'start';
  /** False where only outcomes are wanted: then far less is kept. True if left out. */
  readonly examples?: boolean;
  /** Told of every event that cannot be used, before what came with it is handed out. */
  readonly onDeadLetter?: (letter: DeadLetter) => void | Promise<void>;
  /** Beyond this only the partitions that all others wait for are read on; 256 MiB if left out. */
  readonly mostBufferedBytes?: number;
}

/** For metrics and for people. */
export interface JoinStatus {
  readonly counters: Readonly<JoinCounters>;
  /** Impressions that may still get feedback, and feedback that waits for its impression. */
  readonly impressions: number;
  readonly held: number;
  /** Events read that wait for other partitions. */
  readonly buffered: { readonly events: number; readonly bytes: number };
  /** The partitions whose watermark all others wait for. */
  readonly behind: readonly number[];
}

export interface EventStream extends JoinedStream {
  status(): JoinStatus;
}

/**
 * Reads the `events` of a log, merges their partitions and joins them. The sequence of what it hands out is a function of
 * the log: not of how it is read, nor of when a snapshot was taken and gone on from.
 *
 * Throws artifact_damaged for a snapshot that cannot be read, checkpoint_damaged for one of another log or other labels;
 * `next` rejects as LogReader.next and as `onDeadLetter` do, and then hands out the same when it is called again.
 */
export async function openJoinedStream(options: JoinedStreamOptions): Promise<EventStream> {
  const { log, definition, snapshot, from = 'start', onDeadLetter } = options;
  const { examples = true, mostBufferedBytes = 256 * 2 ** 20 } = options;
  const bad: DeadLetter[] = [];
  const partitions = Array.from({ length: await log.partitions('events') }, (_, partition) => partition);
  const mergeOptions = {
    partitions,
    outOfOrderMs: streamSettings(definition).outOfOrderMs,
    onBad: ({ time, partition, offset, value }: LogRecord, { message }: WatchnextError) =>
      void bad.push({ time, reason: message, topic: 'events', partition, offset, value }),
  };
  let merge: Merge;
  let joiner: Joiner;
  if (snapshot === undefined) {
    const begin = from === 'start' ? (await log.bounds('events')).map(({ first }) => first) : from;
    merge = createMerge({ ...mergeOptions, from: begin });
    joiner = createJoiner(definition, { examples });
  } else {
    const [merged, joined] = decodeStream(snapshot);
    merge = restoreMerge(mergeOptions, merged);
    joiner = restoreJoiner(definition, { examples }, joined);
  }

  const places = merge.places;
  const behind = (): number[] => {
    const least = Math.min(...places.map(({ largest }) => largest));
    return places.flatMap(({ partition, largest }) => (largest === least ? [partition] : []));
  };
  const reader = await openFairReader({
    log,
    topic: 'events',
    partitions,
    mostBytes: mostBufferedBytes,
    state: () => ({ bytes: merge.buffered.bytes, behind: behind(), next: places.map(({ next }) => next) }),
  });

  const read = async (how: { readonly most: number; readonly waitMs: number }): Promise<Batch> => {
    merge.push(await reader.next(how));
    merge.release((event) => joiner.take(event));
    const { refused, ...joined } = joiner.advance(merge.watermark);
    return { joined, letters: [...bad.splice(0), ...refused.map(letterOf)] };
  };

  let pending: Batch | undefined;
  return {
    async next(how) {
      pending ??= await read(how);
      await Promise.all(pending.letters.map(async (letter) => onDeadLetter?.(letter)));
      const { joined } = pending;
      pending = undefined;
      return joined;
    },
    snapshot() {
      if (pending !== undefined) throw new Error('The last call of next() failed: call it again first.');
      return encodeFrame(format, {}, packBytes([merge.snapshot(), joiner.snapshot()]));
    },
    position: () => ({
      watermark: merge.watermark,
      offsets: places.map(({ partition, next, leader }) =>
        merge
          .waiting()
          .reduce(
            (least, event) => (event.partition === partition ? Math.min(least, event.from) : least),
            Math.min(joiner.oldest(partition) ?? next, leader < 0 ? next : leader),
          ),
      ),
    }),
    status: () => ({ counters: joiner.counters, ...joiner.sizes, buffered: merge.buffered, behind: behind() }),
    close: () => reader.close(),
  };
}

interface Batch {
  readonly joined: Joined;
  readonly letters: readonly DeadLetter[];
}

const letterOf = ({ event, reason }: { event: MergedEvent; reason: string }): DeadLetter => ({
  time: event.event.time,
  reason,
  topic: 'events',
  partition: event.partition,
  offset: event.offset,
  value: event.value,
});

function decodeStream(bytes: Uint8Array): [merge: Uint8Array, joiner: Uint8Array] {
  const frame = decodeFrame(bytes, format);
  const [merge = new Uint8Array(0), joiner = new Uint8Array(0)] = unpackBytes(frame, 2);
  return [merge, joiner];
}
