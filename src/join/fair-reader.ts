import type { EventLog, LogReader, LogRecord, Topic } from '../events/index.js';

export interface FairReaderOptions {
  readonly log: EventLog;
  readonly topic: Topic;
  readonly partitions: readonly number[];
  /** Beyond this only the partitions that all others wait for are read on. */
  readonly mostBytes: number;
  /** What was read and cannot be used yet, which partitions it waits for, and by partition the offset to read next. */
  readonly state: () => {
    readonly bytes: number;
    readonly behind: readonly number[];
    readonly next: readonly number[];
  };
}

export interface FairReader {
  next(how: { readonly most: number; readonly waitMs: number }): Promise<LogRecord[]>;
  close(): Promise<void>;
}

/**
 * Reads partitions that are merged afterwards. One that runs far ahead of another would fill the memory with what cannot be
 * used yet, so it waits in the log: a silent partition holds the others back, but never ends the process.
 */
export async function openFairReader({
  log,
  topic,
  partitions,
  mostBytes,
  state,
}: FairReaderOptions): Promise<FairReader> {
  const open = (some: readonly number[]): Promise<LogReader> =>
    log.reader(topic, { from: state().next, partitions: some });
  let reading = partitions;
  let reader: LogReader | undefined = await open(reading);
  return {
    async next(how) {
      const { bytes, behind } = state();
      // Half of it must be used up before all are read again, so that readers are not opened and closed all the time.
      const wanted = bytes > (reading === partitions ? mostBytes : mostBytes / 2) ? behind : partitions;
      if (reader === undefined || wanted.join() !== reading.join()) {
        await reader?.close();
        reader = undefined;
        reader = await open(wanted);
        reading = wanted;
      }
      return reader.next(how);
    },
    async close() {
      await reader?.close();
    },
  };
}
