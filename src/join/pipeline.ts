import { streamSettings, type RankerDefinition } from '../definition/index.js';
import type { WatchnextError } from '../errors.js';
import type { DeadLetter, LogRecord } from '../events/index.js';
import { decodeFrame, encodeFrame } from '../features/index.js';
import { createJoiner, restoreJoiner, type Joiner } from './joiner.js';
import { createMerge, restoreMerge, type Merge } from './merge.js';
import { packBytes, unpackBytes } from './packing.js';
import type { Joined, JoinStatus, Refused, StreamPosition } from './types.js';

const format = { magic: 'WNJS', version: 1, what: 'joined stream' };

export interface PipelineOptions {
  readonly definition: RankerDefinition;
  /** Of `events`, to be merged. */
  readonly partitions: readonly number[];
  readonly examples: boolean;
  /** What `snapshot` answered, or by partition of `partitions` the offset to begin with. */
  readonly start: Uint8Array | readonly number[];
}

/** Merging and joining as one, without a log: records in, what is joined out. */
export interface Pipeline {
  take(records: readonly LogRecord[]): { readonly joined: Joined; readonly letters: readonly DeadLetter[] };
  /** By partition of `partitions`: the offset to read next. */
  next(): readonly number[];
  /** Its `offsets` are by partition of `partitions`, too. */
  position(): StreamPosition;
  status(): JoinStatus;
  snapshot(): Uint8Array;
}

/** Throws artifact_damaged for a start that cannot be read, checkpoint_damaged for one of other partitions or labels. */
export function createPipeline({ definition, partitions, examples, start }: PipelineOptions): Pipeline {
  const bad: DeadLetter[] = [];
  const mergeOptions = {
    partitions,
    outOfOrderMs: streamSettings(definition).outOfOrderMs,
    onBad: ({ time, partition, offset, value }: LogRecord, { message }: WatchnextError) =>
      void bad.push({ time, reason: message, topic: 'events', partition, offset, value }),
  };
  let merge: Merge;
  let joiner: Joiner;
  if (start instanceof Uint8Array) {
    const frame = decodeFrame(start, format);
    const [merged = new Uint8Array(0), joined = new Uint8Array(0)] = unpackBytes(frame, 2);
    merge = restoreMerge(mergeOptions, merged);
    joiner = restoreJoiner(definition, { examples }, joined);
  } else {
    merge = createMerge({ ...mergeOptions, from: start });
    joiner = createJoiner(definition, { examples });
  }
  const { places } = merge;
  return {
    take(records) {
      merge.push(records);
      merge.release((event) => joiner.take(event));
      const { refused, ...joined } = joiner.advance(merge.watermark);
      return { joined, letters: [...bad.splice(0), ...refused.map(letterOf)] };
    },
    next: () => places.map(({ next }) => next),
    position() {
      const offsets = new Map(
        places.map(({ partition, next, leader }) => {
          // From the leader on the partition's watermark is found again.
          return [partition, Math.min(joiner.oldest(partition) ?? next, leader < 0 ? next : leader)];
        }),
      );
      for (const { partition, from } of merge.waiting()) {
        offsets.set(partition, Math.min(from, offsets.get(partition) ?? from));
      }
      return { watermark: merge.watermark, offsets: [...offsets.values()] };
    },
    status() {
      const least = Math.min(...places.map(({ largest }) => largest));
      return {
        counters: joiner.counters,
        ...joiner.sizes,
        buffered: merge.buffered,
        behind: places.flatMap(({ partition, largest }) => (largest === least ? [partition] : [])),
      };
    },
    snapshot: () => encodeFrame(format, {}, packBytes([merge.snapshot(), joiner.snapshot()])),
  };
}

const letterOf = ({ event, reason }: Refused): DeadLetter => ({
  time: event.event.time,
  reason,
  topic: 'events',
  partition: event.partition,
  offset: event.offset,
  value: event.value,
});
