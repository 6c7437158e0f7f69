import { WatchnextError } from '../errors.js';
import { decodeSpooled, encodeSpooled } from './spool-entry.js';
import type { EventLog, LogReader, LogRecord, NewRecord, Offsets, Topic } from './types.js';

/** A log that can also forget its oldest records. */
export interface SpoolStore extends EventLog {
  /** Removes what lies before these offsets; a partition without one keeps all. */
  forget(topic: Topic, before: Offsets): Promise<void>;
}

/** How many bytes may be in the spool, for all topics together. */
export interface SpoolRoom {
  /** False if there is no room for so many. */
  take(bytes: number): boolean;
  /** Already there, whether there is room or not; negative to give bytes back. */
  add(bytes: number): void;
}

/** What waits for the log to come back. */
export interface SpoolUse {
  readonly records: number;
  readonly bytes: number;
  /** When the oldest one came; undefined if nothing waits. */
  readonly since: number | undefined;
}

/** Some records from the front, in their order. */
export interface SpooledChunk {
  readonly records: readonly NewRecord[];
  readonly count: number;
  readonly bytes: number;
  /** Of the record behind the last one. */
  readonly nextOffset: number;
}

/** Records of one topic that wait, on disk, first in, first out, whatever their partitions. One process uses it. */
export interface SpoolQueue {
  use(): SpoolUse;
  /** Resolves when they are durable; the order is that of the calls. Rejects with log_full if there is no room. */
  push(records: readonly NewRecord[]): Promise<void>;
  /** From the front, none twice; what was not dropped is at the front again after the next start. */
  take(): Promise<SpooledChunk>;
  /** In the order in which they were taken. */
  drop(chunk: SpooledChunk): Promise<void>;
  close(): Promise<void>;
}

const PARTITION = 0;
/** What is read or forwarded at once: reading is synchronous, and requests wait meanwhile. */
const CHUNK_BYTES = 1 << 20;
const MOST_RECORDS = 1000;
const WAIT_MS = 100;
/** How many records are looked at before their size is known. */
const FIRST_RECORDS = 8;

const bytesOf = (entries: readonly { readonly value: Uint8Array }[]): number =>
  entries.reduce((sum, { value }) => sum + value.length, 0);

/** Reads through what an earlier process left, to know how much it is. */
export const openSpoolQueue = async (parts: {
  readonly topic: Topic;
  readonly store: SpoolStore;
  readonly room: SpoolRoom;
  readonly unreadable: (offset: number, error: unknown) => void;
  readonly now: () => number;
}): Promise<SpoolQueue> => {
  const { topic, store, room, now } = parts;
  const readFromFront = (): Promise<LogReader> => store.reader(topic, { from: 'start', partitions: [PARTITION] });
  let records = 0;
  let bytes = 0;
  let since: number | undefined;

  const hold = (count: number, size: number): void => {
    records += count;
    bytes += size;
    if (records === 0) since = undefined;
  };

  /** As many as are about a chunk, by what waits on average. */
  const recordsPerChunk = (): number =>
    records === 0 ? FIRST_RECORDS : Math.min(MOST_RECORDS, Math.max(1, Math.floor((CHUNK_BYTES * records) / bytes)));

  const countLeft = async (): Promise<void> => {
    const { first = 0, next = 0 } = (await store.bounds(topic))[PARTITION] ?? {};
    if (first === next) return;
    const scan = await readFromFront();
    for (let at = first; at < next;) {
      const entries = await scan.next({ most: recordsPerChunk(), waitMs: 0 });
      if (entries.length === 0) break;
      since ??= entries[0]?.time;
      hold(entries.length, bytesOf(entries));
      at = (entries.at(-1)?.offset ?? next) + 1;
    }
    await scan.close();
  };
  await countLeft();
  room.add(bytes);

  const reader = await readFromFront();
  let read: LogRecord[] = [];
  /** When the first record came of each chunk that was taken and not dropped. */
  const taken: number[] = [];

  const decoded = ({ offset, value }: LogRecord): readonly NewRecord[] => {
    try {
      return [decodeSpooled(value)];
    } catch (error) {
      parts.unreadable(offset, error);
      return [];
    }
  };

  return {
    use: () => ({ records, bytes, since }),
    async push(added) {
      const time = now();
      const entries = added.map((record) => ({ partition: PARTITION, time, value: encodeSpooled(record) }));
      const size = bytesOf(entries);
      if (!room.take(size))
        throw new WatchnextError('log_full', 'the event log is away and the spool is full', {
          problems: [
            {
              path: topic,
              message: `${records} records, ${bytes} bytes wait for it`,
              hint: 'bring the log back: what waits is forwarded then and makes room',
            },
          ],
        });
      since ??= time;
      hold(entries.length, size);
      try {
        await store.append(topic, entries);
      } catch (error) {
        room.add(-size);
        hold(-entries.length, -size);
        throw error;
      }
    },
    async take() {
      if (read.length === 0) read = await reader.next({ most: recordsPerChunk(), waitMs: WAIT_MS });
      if (read[0] !== undefined) taken.push(read[0].time);
      since = taken[0] ?? since;
      let size = read[0]?.value.length ?? 0;
      let count = Math.min(1, read.length);
      for (
        let entry = read[count];
        entry !== undefined && size + entry.value.length <= CHUNK_BYTES;
        entry = read[count]
      ) {
        size += entry.value.length;
        count += 1;
      }
      const chunk = read.slice(0, count);
      read = read.slice(count);
      return { records: chunk.flatMap(decoded), count, bytes: size, nextOffset: (chunk.at(-1)?.offset ?? -1) + 1 };
    },
    async drop({ count, bytes: size, nextOffset }) {
      await store.forget(topic, [nextOffset]);
      taken.shift();
      since = taken[0] ?? read[0]?.time ?? since;
      room.add(-size);
      hold(-count, -size);
    },
    close: () => reader.close(),
  };
};
