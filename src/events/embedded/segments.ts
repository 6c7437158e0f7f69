import type { Database } from 'lmdb';

/** Offsets of a partition are below this, so that (partition, offset) is one whole number for up to 1024 partitions. */
const offsetsPerPartition = 2 ** 43;
export const keyOf = (partition: number, offset: number): number => partition * offsetsPerPartition + offset;

/** So many records at most: dropping a segment takes one short transaction. */
export const segmentRecords = 1024;

/** A run of records of one partition, the unit of retention: [first, next). Times are the clock's, not the events'. */
export interface Segment {
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly bytes: number;
  readonly openedAt: number;
  readonly lastAt: number;
}

const width = 4;

/** The segments of all partitions, by their first record. */
export class Segments {
  readonly #db: Database<Uint8Array, number>;
  /** Where the last segment of a partition began when it was asked for. */
  readonly #lastFirst = new Map<number, number>();

  constructor(db: Database<Uint8Array, number>) {
    this.#db = db;
  }

  *of(partition: number): Generator<Segment> {
    const range = { start: keyOf(partition, 0), end: keyOf(partition + 1, 0) };
    for (const { key, value } of this.#db.getRange(range)) yield decode(partition, key, value);
  }

  first(partition: number): Segment | undefined {
    const range = { start: keyOf(partition, 0), end: keyOf(partition + 1, 0), limit: 1 };
    for (const { key, value } of this.#db.getRange(range)) return decode(partition, key, value);
    return undefined;
  }

  /** Every reader that has caught up asks for it again and again; a range costs 7 kB of garbage each time, a key nothing. */
  last(partition: number): Segment | undefined {
    const known = this.#at(partition, this.#lastFirst.get(partition));
    // Each segment begins where the one before ends.
    if (known !== undefined && (known.next === known.first || this.#at(partition, known.next) === undefined))
      return known;
    const found = this.#scan(partition);
    if (found !== undefined) this.#lastFirst.set(partition, found.first);
    return found;
  }

  #scan(partition: number): Segment | undefined {
    // A range that runs backwards begins at its end: the last key of the partition.
    const range = { start: keyOf(partition + 1, 0) - 1, end: keyOf(partition, 0) - 1, reverse: true, limit: 1 };
    for (const { key, value } of this.#db.getRange(range)) return decode(partition, key, value);
    return undefined;
  }

  #at(partition: number, first: number | undefined): Segment | undefined {
    if (first === undefined) return undefined;
    const key = keyOf(partition, first);
    const value = this.#db.getBinaryFast(key);
    return value === undefined ? undefined : decode(partition, key, value);
  }

  /** Within a transaction. */
  write({ partition, first, next, bytes, openedAt, lastAt }: Segment): void {
    const value = Buffer.alloc(8 * width);
    [next, bytes, openedAt, lastAt].forEach((number, i) => value.writeDoubleLE(number, 8 * i));
    this.#db.putSync(keyOf(partition, first), value);
  }

  /** Within a transaction. */
  remove({ partition, first }: Segment): void {
    this.#db.removeSync(keyOf(partition, first));
  }
}

function decode(partition: number, key: number, bytes: Uint8Array): Segment {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (i: number): number => view.getFloat64(8 * i, true);
  const first = key - keyOf(partition, 0);
  return { partition, first, next: number(0), bytes: number(1), openedAt: number(2), lastAt: number(3) };
}
