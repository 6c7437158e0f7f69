import { WatchnextError } from '../errors.js';
import { decodeEvent, type LoggedEvent, type LogRecord } from '../events/index.js';
import { Heap } from './heap.js';
import { decodeMerge, encodeMerge } from './merge-codec.js';
import type { MergedEvent } from './types.js';

/** Events dated further ahead than this have a wrong clock. */
export const farAheadMs = 86_400_000;

export interface MergeOptions {
  /** Which partitions; each one holds the watermark back until it has said a time. */
  readonly partitions: readonly number[];
  readonly outOfOrderMs: number;
  /** Told of records that are no event. */
  readonly onBad: (record: LogRecord, error: WatchnextError) => void;
}

/** Where a partition stands. */
export interface PartitionPlace {
  readonly partition: number;
  /** The offset to read next. */
  next: number;
  /** The largest time that the service has said here; -Infinity before the first. */
  largest: number;
  /** Which record said it: who reads from there on finds the same times. -1 before the first. */
  leader: number;
}

/**
 * Puts the events of several partitions into one order, which is a function of the log alone: however the reading of the
 * partitions interleaves, the sequence is the same.
 *
 * Impressions and time markers move their partition's watermark (the largest of their times less `outOfOrderMs`): their
 * times are the service's own. Feedback and updates never do, because their times come from outside: one phone with a wrong
 * clock would make everybody else's events late.
 */
export interface Merge {
  /** Records in the order of their partitions; what was read before is passed over. */
  push(records: readonly LogRecord[]): void;
  /** Everything that nothing earlier can come before any more, in order. Time markers end here. */
  release(each: (event: MergedEvent) => void): void;
  /** Everything that waits, in order, whatever may still come before it: for who wants events soon rather than in place. */
  drain(each: (event: MergedEvent) => void): void;
  /** The smallest watermark of all partitions. */
  readonly watermark: number;
  /** Events that wait for their turn, and their bytes. */
  readonly buffered: { readonly events: number; readonly bytes: number };
  readonly places: readonly Readonly<PartitionPlace>[];
  /** What waits. */
  waiting(): readonly MergedEvent[];
  /** Everything, as bytes: the same for the same records. */
  snapshot(): Uint8Array;
}

export const createMerge = (options: MergeOptions & { readonly from?: readonly number[] }): Merge =>
  mergeOf(
    options,
    options.partitions.map((partition, i) => ({
      partition,
      next: options.from?.[i] ?? 0,
      largest: Number.NEGATIVE_INFINITY,
      leader: -1,
    })),
    [],
  );

/** The merge whose snapshot this is. Throws artifact_damaged for other bytes, checkpoint_damaged for other partitions. */
export const restoreMerge = (options: MergeOptions, bytes: Uint8Array): Merge => {
  const { places, waiting } = decodeMerge(bytes);
  const [had, has] = [places.map(({ partition }) => partition).join(', '), options.partitions.join(', ')];
  if (had !== has) {
    throw new WatchnextError('checkpoint_damaged', `What was saved is of partitions ${had}; the log has ${has}.`, {
      problems: [{ path: 'partitions', message: `${had}, not ${has}`, hint: 'start anew from a sealed version' }],
    });
  }
  return mergeOf(options, places, waiting);
};

const isBefore = (a: MergedEvent, b: MergedEvent): boolean =>
  a.time !== b.time ? a.time < b.time : a.partition !== b.partition ? a.partition < b.partition : a.offset < b.offset;

const mergeOf = (
  { outOfOrderMs, onBad }: MergeOptions,
  places: readonly PartitionPlace[],
  waiting: readonly MergedEvent[],
): Merge => {
  const heap = new Heap(isBefore);
  let bytes = 0;
  const hold = (event: MergedEvent): void => {
    heap.add(event);
    bytes += event.value.length;
  };
  waiting.forEach(hold);
  const placeOf = new Map(places.map((place) => [place.partition, place]));
  let watermark = leastOf(places, outOfOrderMs);

  const read = (record: LogRecord): LoggedEvent | undefined => {
    try {
      return decodeEvent(record.value);
    } catch (error) {
      if (!(error instanceof WatchnextError)) throw error;
      onBad(record, error);
      return undefined;
    }
  };

  const push = (record: LogRecord): void => {
    const { partition, offset, value } = record;
    const place = placeOf.get(partition);
    if (place === undefined) throw new Error(`Partition ${partition} is not merged here.`);
    if (offset < place.next) return;
    place.next = offset + 1;
    const event = read(record);
    if (event === undefined) return;
    const { largest } = place;
    const own = event.time;
    const said = event.kind === 'impression' || event.kind === 'marker';
    if (said && own > largest) {
      place.largest = own;
      place.leader = offset;
    }
    if (event.kind === 'marker') return;
    const believed = !said && own > largest + farAheadMs && largest > Number.NEGATIVE_INFINITY ? largest : own;
    const time = Math.max(believed, largest - outOfOrderMs);
    hold({ time, partition, offset, event, from: place.leader < 0 ? offset : place.leader, value });
  };

  const releaseBefore = (time: number, each: (event: MergedEvent) => void): void => {
    for (let event = heap.first(); event !== undefined && event.time < time; event = heap.first()) {
      heap.take();
      bytes -= event.value.length;
      each(event);
    }
  };

  return {
    push(records) {
      for (const record of records) push(record);
      watermark = leastOf(places, outOfOrderMs);
    },
    release: (each) => releaseBefore(watermark, each),
    drain: (each) => releaseBefore(Number.POSITIVE_INFINITY, each),
    get watermark() {
      return watermark;
    },
    get buffered() {
      return { events: heap.size, bytes };
    },
    places,
    waiting: () => heap.entries,
    snapshot: () =>
      encodeMerge(
        places,
        [...heap.entries].sort((a, b) => (isBefore(a, b) ? -1 : 1)),
      ),
  };
};

const leastOf = (places: readonly PartitionPlace[], outOfOrderMs: number): number =>
  places.reduce((least, { largest }) => Math.min(least, largest - outOfOrderMs), Number.POSITIVE_INFINITY);
