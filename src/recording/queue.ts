import { WatchnextError } from '../errors.js';
import type { NewRecord } from '../events/index.js';

/** Records that are made durable or given up together. */
export interface Entry {
  readonly records: number;
  /** Makes them, when their turn comes. */
  encode(): readonly NewRecord[];
  /** Called once: with nothing when all are durable, else with the reason. */
  settle(error?: WatchnextError): void;
}

/**
 * What waits for the log, in the order in which it came. Records are made a few at a time between other work,
 * never inside the call that queues them. One append runs at a time and takes what is encoded by then, so that under load
 * many requests share one flush.
 */
export interface EventQueue {
  /** How many records wait or are being appended. */
  readonly length: number;
  /** Settles at once with log_full if there are too many. */
  push(entry: Entry): void;
  /** Resolves when nothing waits. */
  drained(): Promise<void>;
}

export interface QueueOptions {
  readonly append: (records: readonly NewRecord[]) => Promise<void>;
  /** What may wait; bytes count once they are made. */
  readonly bounds: { readonly records: number; readonly bytes: number };
}

interface Encoded {
  readonly entry: Entry;
  readonly records: readonly NewRecord[];
  readonly bytes: number;
}

/** How long encoding may hold the event loop: short beside a request. */
const sliceMs = 1;
/** What one append takes at most, beyond its first entry. */
const groupBytes = 4 * 2 ** 20;

export const createEventQueue = ({ append, bounds }: QueueOptions): EventQueue => {
  const waiting: Entry[] = [];
  const encoded: Encoded[] = [];
  let length = 0;
  let bytes = 0;
  let sliceIsDue = false;
  let appending = false;
  let whenDrained: (() => void)[] = [];

  const settle = (entry: Entry, error?: WatchnextError): void => {
    length -= entry.records;
    entry.settle(error);
    if (length > 0) return;
    for (const resolve of whenDrained) resolve();
    whenDrained = [];
  };

  const encode = (entry: Entry): void => {
    try {
      const records = entry.encode();
      const size = records.reduce((sum, { value }) => sum + value.byteLength, 0);
      if (bytes + size > bounds.bytes) {
        settle(entry, full(`${bounds.bytes} bytes`));
        return;
      }
      bytes += size;
      encoded.push({ entry, records, bytes: size });
    } catch (error) {
      settle(entry, asWatchnextError(error));
    }
  };

  const slice = (): void => {
    sliceIsDue = false;
    const until = performance.now() + sliceMs;
    let taken = 0;
    do encode(waiting[taken++] as Entry);
    while (taken < waiting.length && performance.now() < until);
    waiting.splice(0, taken);
    if (waiting.length > 0) planSlice();
    if (!appending) void appendAll();
  };

  const planSlice = (): void => {
    if (!sliceIsDue) setImmediate(slice);
    sliceIsDue = true;
  };

  const appendAll = async (): Promise<void> => {
    appending = true;
    while (encoded.length > 0) {
      const group = encoded.splice(0, groupLength(encoded));
      const error = await appendOne(group);
      // An entry that the log never takes, such as a record that is too large for it, must not take others with it.
      const apart = error?.code === 'event_invalid' && group.length > 1;
      for (const each of group) {
        const reason = apart ? await appendOne([each]) : error;
        bytes -= each.bytes;
        settle(each.entry, reason);
      }
    }
    appending = false;
  };

  const appendOne = (group: readonly Encoded[]): Promise<WatchnextError | undefined> =>
    append(group.flatMap(({ records }) => records)).then(() => undefined, asWatchnextError);

  return {
    get length() {
      return length;
    },
    push(entry) {
      if (entry.records === 0) {
        entry.settle();
        return;
      }
      if (length + entry.records > bounds.records) {
        entry.settle(full(`${bounds.records} events`));
        return;
      }
      length += entry.records;
      waiting.push(entry);
      planSlice();
    },
    drained: () => (length === 0 ? Promise.resolve() : new Promise((resolve) => whenDrained.push(resolve))),
  };
};

const groupLength = (encoded: readonly Encoded[]): number => {
  let bytes = 0;
  const over = encoded.findIndex((each) => (bytes += each.bytes) > groupBytes);
  return over < 0 ? encoded.length : Math.max(1, over);
};

const full = (bound: string): WatchnextError =>
  new WatchnextError('log_full', `The event log is behind: ${bound} wait for it already.`, {
    problems: [{ path: 'log', message: `at most ${bound} may wait`, hint: 'send the same again later' }],
  });

/** What a log may throw beside its own errors is a log that does not work. */
export const asWatchnextError = (error: unknown): WatchnextError => {
  if (error instanceof WatchnextError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new WatchnextError('log_unavailable', `The event log cannot be written: ${reason}`, { cause: error });
};
