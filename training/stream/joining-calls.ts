import type { RankerDefinition } from '../../src/definition/index.js';
import type { ErrorCode, Problem } from '../../src/errors.js';
import type { DeadLetter, LogRecord } from '../../src/events/index.js';
import type { ExampleArrays, StreamPosition } from '../../src/join/index.js';
import type { DescribedJoined } from './learner.js';

/** What the thread that joins is started with. */
export interface JoinStart {
  readonly definition: RankerDefinition;
  readonly partitions: readonly number[];
  /** To go on from; the thread lets go of it, frame by frame. */
  readonly snapshot?: Uint8Array[];
  /** By partition the offset to begin with otherwise. */
  readonly start: readonly number[];
}

/**
 * Answered one after the other; what failed at the start is the answer to each. That to `snapshot` says only that it holds what
 * was known then: its frames follow.
 */
export type JoinCall =
  { readonly name: 'standing' | 'snapshot' } | { readonly name: 'take'; readonly records: PackedRecords };

export type JoinReply = { readonly result: Standing | Taken | undefined } | Failed;

/**
 * Beside the replies: the frames of the snapshots that were asked for, one after the other, while calls are answered in between;
 * undefined behind the last one.
 */
export type SnapshotNews = { readonly frame: Uint8Array<ArrayBuffer> | undefined } | { readonly unwritten: Failed };

export interface Failed {
  readonly error: { readonly code?: ErrorCode; readonly message: string; readonly problems: readonly Problem[] };
}

/** Where joining stands. */
export interface Standing {
  /** As the reader of the log asks for it. */
  readonly reading: { readonly bytes: number; readonly behind: readonly number[]; readonly next: readonly number[] };
  readonly position: StreamPosition;
}

/** What became of records, and where joining stands after them. */
export interface Taken {
  readonly joined: Omit<DescribedJoined, 'examples'> & { readonly examples: ExampleArrays };
  readonly letters: readonly DeadLetter[];
  readonly standing: Standing;
}

/** Log records as few buffers that can be given away. */
export interface PackedRecords {
  /** [records, 4] partition, offset, time, and the length of the value. */
  readonly places: Float64Array<ArrayBuffer>;
  /** The values of up to 1024 bytes one after the other, then the larger ones, each on a multiple of 8. */
  readonly values: readonly [small: ArrayBuffer, large: ArrayBuffer];
}

const width = 4;
/** Small ones may be kept for long, as feedback that waits for its impression: they do not keep large ones in memory. */
const smallBytes = 1024;
const aligned = (bytes: number): number => (bytes + 7) & ~7;

export function packRecords(records: readonly LogRecord[]): PackedRecords {
  const roomOf = (group: 0 | 1): ArrayBuffer =>
    new ArrayBuffer(
      records.reduce((sum, { value: { length } }) => (groupOf(length) === group ? sum + aligned(length) : sum), 0),
    );
  const values = [roomOf(0), roomOf(1)] as const;
  const bytes = values.map((value) => new Uint8Array(value));
  const places = new Float64Array(width * records.length);
  const ends = [0, 0];
  records.forEach(({ partition, offset, time, value }, i) => {
    const group = groupOf(value.length);
    const at = ends[group] ?? 0;
    places.set([partition, offset, time, value.length], i * width);
    bytes[group]?.set(value, at);
    ends[group] = at + aligned(value.length);
  });
  return { places, values };
}

export function unpackRecords({ places, values }: PackedRecords): LogRecord[] {
  const ends = [0, 0];
  return Array.from({ length: places.length / width }, (_, i) => {
    const length = places[i * width + 3] ?? 0;
    const group = groupOf(length);
    const at = ends[group] ?? 0;
    ends[group] = at + aligned(length);
    return {
      partition: places[i * width] ?? 0,
      offset: places[i * width + 1] ?? 0,
      time: places[i * width + 2] ?? 0,
      value: new Uint8Array(values[group], at, length),
    };
  });
}

const groupOf = (length: number): 0 | 1 => (length <= smallBytes ? 0 : 1);
