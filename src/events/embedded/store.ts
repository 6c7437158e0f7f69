import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { WatchnextError } from '../../errors.js';
import type { LogRecord, Topic } from '../types.js';
import { closeEnvironment, openEnvironment, type Environment, type News } from './environment.js';
import { isThisProcess, lives, thisProcess, type Holder } from './holder.js';
import { keyOf, segmentRecords, Segments, type Segment } from './segments.js';

/** A record with its place decided, before it has an offset. */
export interface PlacedRecord {
  readonly partition: number;
  readonly time: number;
  readonly value: Uint8Array;
}

export interface StoreOptions {
  readonly directory: string;
  readonly topic: Topic;
  /** If the topic is not there yet. */
  readonly partitions: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
}

/** Up to this size values read together share memory, which is quicker and far less work for the garbage collector. */
const sharedBytes = 16 * 1024;
const slabBytes = 128 * 1024;

/**
 * One topic in an LMDB environment of its own (a folder), so that each topic can have another writing process:
 *
 *   records   partition and offset → f64 time, value
 *   segments  partition and first offset → what retention must know of up to 1024 records
 *   about     how many partitions, who writes, how many bytes
 *
 * LMDB never writes over pages in use, so a commit is there as a whole or not at all, whatever is killed when.
 */
export class TopicStore {
  readonly topic: Topic;
  readonly path: string;
  readonly partitions: number;
  readonly #environment: Environment;
  readonly #root: RootDatabase<Uint8Array, string>;
  readonly #records: Database<Uint8Array, number>;
  readonly #about: Database<string, string>;
  readonly #segments: Segments;
  readonly #segmentBytes: number;
  readonly #segmentMs: number;
  #isHeld = false;

  constructor({ directory, topic, partitions, segmentBytes, segmentMs }: StoreOptions) {
    this.topic = topic;
    this.path = join(directory, topic);
    this.#segmentBytes = segmentBytes;
    this.#segmentMs = segmentMs;
    let environment: Environment | undefined;
    try {
      environment = openEnvironment(this.path);
      const { root, records, segments, about } = environment;
      this.#environment = environment;
      this.#root = root;
      this.#records = records;
      this.#segments = new Segments(segments);
      this.#about = about;
      if (about.get('partitions') === undefined) {
        root.transactionSync(() => {
          if (about.get('partitions') === undefined) about.putSync('partitions', String(partitions));
        });
      }
      this.partitions = Number(about.get('partitions'));
    } catch (error) {
      if (environment !== undefined) void closeEnvironment(environment, () => Promise.resolve());
      throw this.failure(error);
    }
  }

  /** Whether no other process can write the topic: this one does, until it closes it. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Of what this thread appends, whoever asks it to. */
  get news(): News {
    return this.#environment.news;
  }

  /** Writes all or nothing, durably; answers whether a segment was begun. Rejects with log_locked or log_unavailable. */
  async append(records: readonly PlacedRecord[], now: number): Promise<boolean> {
    let rolled = false;
    await this.#change(() => {
      const tails = new Map<number, Segment>();
      let added = 0;
      for (const { partition, time, value } of records) {
        let tail = tails.get(partition) ?? this.#segments.last(partition) ?? emptySegment(partition, 0, now);
        if (this.#isFull(tail, now)) {
          this.#segments.write(tail);
          tail = emptySegment(partition, tail.next, now);
          rolled = true;
        }
        const stored = Buffer.allocUnsafe(8 + value.length);
        stored.writeDoubleLE(time);
        stored.set(value, 8);
        this.#records.putSync(keyOf(partition, tail.next), stored);
        const bytes = sizeOf(value);
        added += bytes;
        tails.set(partition, { ...tail, next: tail.next + 1, bytes: tail.bytes + bytes, lastAt: now });
      }
      for (const tail of tails.values()) this.#segments.write(tail);
      this.#addBytes(added);
    });
    await this.#root.flushed;
    return rolled;
  }

  /**
   * Reads on from an offset: what is there now, up to `most` records. Answers undefined if the next one was dropped; throws
   * log_damaged where it should be there and is not, or who follows the log would wait for it for ever.
   */
  read(partition: number, offset: number, most: number): LogRecord[] | undefined {
    return this.#reading(() => this.#read(partition, offset, most));
  }

  #read(partition: number, offset: number, most: number): LogRecord[] | undefined {
    const records: LogRecord[] = [];
    let slab = Buffer.alloc(0);
    let used = 0;
    for (let at = offset; records.length < most; at++) {
      // One buffer serves all reads and is longer than the value: `length` is set on it, so copy that much at once.
      const found = this.#records.getBinaryFast(keyOf(partition, at));
      if (found === undefined) break;
      const { length } = found;
      if (used + length > slab.length) {
        slab = Buffer.allocUnsafeSlow(length > sharedBytes ? length : slabBytes);
        used = 0;
      }
      slab.set(Uint8Array.prototype.subarray.call(found, 0, length), used);
      const value = slab.subarray(used + 8, used + length);
      records.push({ partition, offset: at, time: slab.readDoubleLE(used), value });
      used += (length + 7) & ~7;
    }
    if (records.length > 0 || most <= 0 || offset === this.#segments.last(partition)?.next) return records;
    const { first, next } = this.bounds(partition);
    if (offset < first || offset > next) return undefined;
    if (offset < next)
      throw this.failure(new Error(`MDB_CORRUPTED: record ${offset} of partition ${partition} is lost`));
    return records;
  }

  bounds(partition: number): { first: number; next: number } {
    return this.#reading(() => {
      const first = this.#segments.first(partition)?.first ?? 0;
      return { first, next: this.#segments.last(partition)?.next ?? 0 };
    });
  }

  /** Of pages that cannot be read LMDB says so in its own words. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** Makes the next reads see what other processes have written. */
  refresh(): void {
    this.#reading(() => this.#root.resetReadTxn());
  }

  /** Of all records, roughly as LMDB stores them. */
  bytes(partition?: number): number {
    if (partition === undefined) return Number(this.#about.get('bytes') ?? 0);
    let bytes = 0;
    for (const segment of this.#segments.of(partition)) bytes += segment.bytes;
    return bytes;
  }

  /**
   * Drops segments, the longest untouched first: what is older than `before`, and while the topic is larger than `bytes` what
   * is not the newest of its partition. One short transaction; answers whether there is more to drop.
   */
  async trim(bounds: { readonly before: number; readonly bytes: number }, now: number): Promise<boolean> {
    if (this.#oldest(bounds) === undefined) return false;
    let dropped = 0;
    let segment: Segment | undefined;
    await this.#change(() => {
      while (dropped < segmentRecords && (segment = this.#oldest(bounds)) !== undefined) {
        this.#drop(segment, now);
        dropped += segment.next - segment.first;
      }
    });
    return segment !== undefined;
  }

  #oldest({ before, bytes }: { readonly before: number; readonly bytes: number }): Segment | undefined {
    let oldest: Segment | undefined;
    const tooLarge = this.bytes() > bytes;
    for (let partition = 0; partition < this.partitions; partition++) {
      const segment = this.#segments.first(partition);
      if (segment === undefined || segment.next === segment.first) continue;
      const isLast = this.#segments.last(partition)?.first === segment.first;
      const due = segment.lastAt < before || (tooLarge && !isLast);
      if (due && (oldest === undefined || segment.lastAt < oldest.lastAt)) oldest = segment;
    }
    return oldest;
  }

  /** With its records. The place of the next record is kept by an empty segment. */
  #drop(segment: Segment, now: number): void {
    const { partition, first, next } = segment;
    const isLast = this.#segments.last(partition)?.first === first;
    if (isLast) this.#segments.write(emptySegment(partition, next, now));
    this.#segments.remove(segment);
    for (let offset = first; offset < next; offset++) this.#records.removeSync(keyOf(partition, offset));
    this.#addBytes(-segment.bytes);
  }

  /** Drops the records of a partition before an offset, to the record. */
  async forget(partition: number, before: number): Promise<void> {
    await this.#change(() => {
      for (
        let segment = this.#segments.first(partition);
        segment !== undefined;
        segment = this.#segments.first(partition)
      ) {
        const end = Math.min(before, segment.next);
        if (segment.first >= end) return;
        let bytes = 0;
        for (let offset = segment.first; offset < end; offset++) {
          const key = keyOf(partition, offset);
          bytes += sizeOf({ length: (this.#records.getBinaryFast(key)?.length ?? 8) - 8 });
          this.#records.removeSync(key);
        }
        const isLast = this.#segments.last(partition)?.first === segment.first;
        this.#segments.remove(segment);
        if (end < segment.next || isLast)
          this.#segments.write({ ...segment, first: end, bytes: segment.bytes - bytes });
        this.#addBytes(-bytes);
      }
    });
  }

  /** Makes this process the topic's writer; rejects with log_locked if another one is. */
  hold(): Promise<void> {
    return this.#change(() => undefined);
  }

  /** The last one of this process that closes a topic gives up writing it. */
  async close(): Promise<void> {
    this.#isHeld = false;
    await closeEnvironment(this.#environment, async () => {
      const holder = this.#holder();
      if (holder !== undefined && isThisProcess(holder)) await this.#root.transaction(() => this.#release());
    });
  }

  /** The error of LMDB or the file system as one for people. */
  failure(error: unknown): WatchnextError {
    if (error instanceof WatchnextError) return error;
    const message = error instanceof Error ? error.message : String(error);
    const damaged = /MDB_(INVALID|CORRUPTED|PAGE_NOTFOUND|VERSION_MISMATCH|BAD_)/.test(message);
    const [code, what, hint] = damaged
      ? (['log_damaged', 'cannot be read', 'restore the folder, or move it away: a new log is begun'] as const)
      : (['log_unavailable', 'cannot be written', this.#room()] as const);
    return new WatchnextError(code, `The event log ${this.path} ${what}: ${message}.`, {
      problems: [{ path: this.path, message, hint }],
      cause: error,
    });
  }

  /** What to do, by what is left on the disk. */
  #room(): string {
    try {
      const { bavail, bsize } = statfsSync(this.path);
      const mebibytes = Math.floor((bavail * bsize) / 2 ** 20);
      if (mebibytes < 32) return `the disk is full (${mebibytes} MiB left): make room and try again; nothing was kept`;
    } catch {
      return 'is the folder there, and may this process write it?';
    }
    return 'may this process write the folder? Nothing was kept';
  }

  #isFull(segment: Segment, now: number): boolean {
    const records = segment.next - segment.first;
    if (records === 0) return false;
    const old = now - segment.openedAt > this.#segmentMs;
    return records >= segmentRecords || segment.bytes >= this.#segmentBytes || old;
  }

  /** One transaction. What it is to do comes after it is sure that no other process writes. */
  async #change(work: () => void): Promise<void> {
    let refused: WatchnextError | undefined;
    try {
      await this.#root.transaction(() => {
        const holder = this.#holder();
        if (holder === undefined || !isThisProcess(holder)) {
          if (holder !== undefined && lives(holder)) {
            refused = this.#locked(holder);
            return;
          }
          this.#about.putSync('writer', JSON.stringify(thisProcess));
        }
        work();
      });
    } catch (error) {
      throw this.failure(await reasonOf(error));
    }
    this.#isHeld = refused === undefined;
    if (refused !== undefined) throw refused;
  }

  #holder(): Holder | undefined {
    const text = this.#reading(() => this.#about.get('writer'));
    return text === undefined ? undefined : (JSON.parse(text) as Holder);
  }

  #release(): void {
    const holder = this.#holder();
    if (holder !== undefined && isThisProcess(holder)) this.#about.removeSync('writer');
  }

  #locked({ pid }: Holder): WatchnextError {
    return new WatchnextError('log_locked', `Process ${pid} writes the event log ${this.path} already.`, {
      problems: [
        {
          path: this.path,
          message: `is written by process ${pid}`,
          hint: 'stop that process, name another folder with --log-directory, or use Kafka, which takes many writers',
        },
      ],
    });
  }

  #addBytes(bytes: number): void {
    this.#about.putSync('bytes', String(Math.max(0, this.bytes() + bytes)));
  }
}

/** LMDB's own error comes with the rejection of a transaction, as a promise that rejects. */
const reasonOf = async (error: unknown): Promise<unknown> => {
  const { commitError } = error as { readonly commitError?: Promise<unknown> };
  return commitError === undefined ? error : await commitError.catch((reason: unknown) => reason);
};

const emptySegment = (partition: number, first: number, now: number): Segment => ({
  partition,
  first,
  next: first,
  bytes: 0,
  openedAt: now,
  lastAt: now,
});

/** With key and headers; values over half a page of 4096 bytes take whole pages. */
const sizeOf = ({ length }: { readonly length: number }): number =>
  length < 2000 ? length + 32 : Math.ceil((length + 48) / 4096) * 4096;
