import { streamSettings, type RankerDefinition } from '../definition/index.js';
import type { WatchnextError } from '../errors.js';
import type { DeadLetter, LogRecord } from '../events/index.js';
import { decodeFrame, encodeFrame } from '../features/index.js';
import { createJoiner, restoreJoiner, type Joiner } from './joiner.js';
import { createMerge, restoreMerge, type Merge } from './merge.js';
import { unpackBytes } from './packing.js';
import type { FreshlyJoined, JoinStatus, Refused, Snapshot, StreamPosition } from './types.js';

/** A head, then the frame of the merge, then those of the joiner; in version 1 it held both. */
const format = { magic: 'WNJS', version: 2, older: [1], what: 'joined stream' };

export interface PipelineOptions {
  readonly definition: RankerDefinition;
  /** Of `events`, to be merged. */
  readonly partitions: readonly number[];
  readonly examples: boolean;
  /** What `snapshot` answered. */
  readonly snapshot?: Snapshot;
  /** Where to begin otherwise, by partition of `partitions`. */
  readonly start: readonly number[];
}

/** Merging and joining as one, without a log: records in, what is joined out. */
export interface Pipeline {
  take(records: readonly LogRecord[]): { readonly joined: FreshlyJoined; readonly letters: readonly DeadLetter[] };
  /** By partition of `partitions`: the offset to read next. */
  next(): readonly number[];
  /** Its `offsets` are by partition of `partitions`, too. */
  position(): StreamPosition;
  status(): JoinStatus;
  /** As it is now, whatever it takes then. */
  snapshot(): Snapshot;
}

/** Throws artifact_damaged for a snapshot that cannot be read, checkpoint_damaged for one of other partitions or labels. */
export function createPipeline({ definition, partitions, examples, snapshot, start }: PipelineOptions): Pipeline {
  const bad: DeadLetter[] = [];
  const mergeOptions = {
    partitions,
    outOfOrderMs: streamSettings(definition).outOfOrderMs,
    onBad: ({ time, partition, offset, value }: LogRecord, { message }: WatchnextError) =>
      void bad.push({ time, reason: message, topic: 'events', partition, offset, value }),
  };
  let merge: Merge;
  let joiner: Joiner;
  if (snapshot !== undefined) {
    const [merged, joined] = partsOf(snapshot);
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
    snapshot() {
      const [merged, joined] = [merge.snapshot(), joiner.snapshot()];
      return {
        *[Symbol.iterator]() {
          yield encodeFrame(format, {}, []);
          yield merged;
          yield* joined;
        },
      };
    },
  };
}

function partsOf(snapshot: Snapshot): readonly [merge: Uint8Array, joiner: Snapshot] {
  const frames = snapshot[Symbol.iterator]();
  const next = (): Uint8Array => {
    const found = frames.next();
    return found.done === true ? nothing : found.value;
  };
  const head = decodeFrame(next(), format);
  if (head.version > 1) return [next(), { [Symbol.iterator]: () => frames }];
  const [merged = nothing, joined = nothing] = unpackBytes(head, 2);
  return [merged, [joined]];
}

const nothing = new Uint8Array(0);

const letterOf = ({ event, reason }: Refused): DeadLetter => ({
  time: event.event.time,
  reason,
  topic: 'events',
  partition: event.partition,
  offset: event.offset,
  value: event.value,
});
