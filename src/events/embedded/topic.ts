import { WatchnextError } from '../../errors.js';
import { partitionOf } from '../record.js';
import type { LogReader, LogRecord, NewRecord, ReaderOptions } from '../types.js';
import type { PlacedRecord, TopicStore } from './store.js';

export interface Retention {
  /** Records are dropped when they were appended longer ago. */
  readonly ageMs?: number;
  /** The oldest records of a topic are dropped beyond this size. */
  readonly bytes?: number;
}

/** Calls are put into one transaction, and so under one flush, up to about so many records: it holds the thread shortly. */
const groupRecords = 1000;
/** How soon a reader notices what another process wrote. */
const pollMs = 20;
/** The same where no other process can write; another thread of this one might. */
const heldPollMs = 500;

interface Call {
  readonly records: readonly PlacedRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A topic as it is written and read in this process. */
export class EmbeddedTopic {
  readonly store: TopicStore;
  readonly #retention: Retention;
  readonly #now: () => number;
  #calls: Call[] = [];
  #writing: Promise<void> | undefined;
  #trimmedAt: number;
  #closed = false;

  constructor(store: TopicStore, options: { readonly retention: Retention; readonly now: () => number }) {
    this.store = store;
    this.#retention = options.retention;
    this.#now = options.now;
    this.#trimmedAt = options.now();
  }

  async append(records: readonly NewRecord[]): Promise<void> {
    if (this.#closed) throw closed();
    const found = placed(records, this.store.partitions);
    if (found.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#calls.push({ records: found, resolve, reject });
      this.#write();
    });
  }

  /** Drops what retention no longer keeps. */
  async trim(): Promise<void> {
    const { ageMs = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = this.#retention;
    const now = this.#now();
    this.#trimmedAt = now;
    while (await this.store.trim({ before: now - ageMs, bytes }, now));
  }

  reader({ from, partitions = indices(this.store.partitions) }: ReaderOptions): LogReader {
    this.store.refresh();
    const offsets = new Map(
      partitions.map((partition) => {
        const { first, next } = this.store.bounds(partition);
        return [partition, from === 'start' ? first : from === 'end' ? next : (from[partition] ?? 0)] as const;
      }),
    );
    const { store } = this;
    let ended = false;
    let wake: (() => void) | undefined;
    /** When nothing was left to read. */
    let end: { readonly news: number; readonly atMs: number } | undefined;
    const nothingNew = (): boolean =>
      store.isHeld && end?.news === store.news.count && performance.now() - end.atMs < heldPollMs;
    const read = (most: number): LogRecord[] => {
      if (nothingNew()) return [];
      const news = store.news.count;
      const records = this.#read(offsets, most);
      end = records.length === 0 && most > 0 ? { news, atMs: performance.now() } : undefined;
      return records;
    };
    return {
      next: async ({ most, waitMs }) => {
        const until = performance.now() + waitMs;
        for (;;) {
          if (ended) return [];
          if (this.#closed) throw closed();
          const records = read(most);
          const leftMs = until - performance.now();
          if (records.length > 0 || leftMs <= 0) return records;
          const waitingMs = Math.min(store.isHeld ? heldPollMs : pollMs, leftMs);
          await new Promise<void>((resolve) => (wake = store.news.wait(waitingMs, resolve)));
        }
      },
      close: () => {
        ended = true;
        wake?.();
        return Promise.resolve();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.store.news.tell();
    await this.#writing;
    await this.store.close();
  }

  /** Groups of calls, one after the other, until none is left. */
  #write(): void {
    this.#writing ??= (async () => {
      // What else this turn appends goes along.
      await Promise.resolve();
      while (this.#calls.length > 0) await this.#writeGroup();
      this.#writing = undefined;
    })();
  }

  async #writeGroup(): Promise<void> {
    let records = 0;
    const end = this.#calls.findIndex((call) => (records += call.records.length) >= groupRecords);
    const group = this.#calls.splice(0, end < 0 ? this.#calls.length : end + 1);
    try {
      const now = this.#now();
      const rolled = await this.store.append(
        group.flatMap((call) => call.records),
        now,
      );
      for (const { resolve } of group) resolve();
      this.store.news.tell();
      const { ageMs = Number.POSITIVE_INFINITY } = this.#retention;
      if (rolled || now - this.#trimmedAt > ageMs / 16) await this.trim();
    } catch (error) {
      // After the group was resolved this does nothing: what could not be dropped now is dropped later.
      for (const { reject } of group) reject(error);
    }
  }

  /** The same share of every partition; what one leaves, the others take. All or none: who is thrown at may ask again. */
  #read(offsets: Map<number, number>, most: number): LogRecord[] {
    this.store.refresh();
    const found: LogRecord[] = [];
    const next = new Map(offsets);
    let open = [...next.keys()];
    while (open.length > 0 && found.length < most) {
      const share = Math.ceil((most - found.length) / open.length);
      open = open.filter((partition) => {
        const offset = next.get(partition) ?? 0;
        const wanted = Math.min(share, most - found.length);
        const records = this.store.read(partition, offset, wanted);
        if (records === undefined) throw this.#gap(partition, offset);
        for (const record of records) found.push(record);
        next.set(partition, offset + records.length);
        return records.length === wanted;
      });
    }
    for (const [partition, offset] of next) offsets.set(partition, offset);
    return found;
  }

  #gap(partition: number, offset: number): WatchnextError {
    const { first, next } = this.store.bounds(partition);
    const { path, topic } = this.store;
    return new WatchnextError('log_gap', `The event log ${path} has no record ${offset} of partition ${partition}.`, {
      problems: [
        {
          path: `${topic}/${partition}`,
          message:
            offset < first
              ? `keeps records from ${first} on: retention dropped those before`
              : `ends before record ${next}: this is another log than the one that was read`,
          hint: 'start again from a newer sealed version; a longer retention leaves more time',
        },
      ],
    });
  }
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const closed = (): WatchnextError => new WatchnextError('log_unavailable', 'The event log is closed.');

/** Throws event_invalid with all problems where a record names a partition that there is not. */
function placed(records: readonly NewRecord[], partitions: number): PlacedRecord[] {
  const found = records.map((record): PlacedRecord => {
    const partition = 'key' in record ? partitionOf(record.key, partitions) : record.partition;
    return { partition, time: record.time, value: record.value };
  });
  const problems = found.flatMap(({ partition }, at) =>
    Number.isInteger(partition) && partition >= 0 && partition < partitions
      ? []
      : [
          {
            path: `records/${at}`,
            message: `partition ${partition} does not exist: there are ${partitions}`,
            hint: 'a topic that is written by partition needs as many as the topic events has',
          },
        ],
  );
  if (problems.length > 0)
    throw new WatchnextError('event_invalid', 'records cannot be written to the event log', { problems });
  return found;
}
