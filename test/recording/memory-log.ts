import { WatchnextError } from '../../src/errors.js';
import { decodeEvent, partitionOf, type EventLog, type LoggedEvent, type NewRecord } from '../../src/events/index.js';

export interface MemoryLog extends EventLog {
  /** What every append rejects with, until it is taken away. */
  failure: WatchnextError | undefined;
  /** The sizes of the appends so far. */
  readonly appends: readonly number[];
  /** What was appended, by partition. */
  events(partition?: number): LoggedEvent[];
  /** Holds appends back until it is called again with false. */
  hold(held: boolean): void;
}

/** An event log for tests of who writes it: keeps what is appended, fails and stalls as it is told. */
export const createMemoryLog = (partitions = 2): MemoryLog => {
  const records = Array.from({ length: partitions }, (): NewRecord[] => []);
  const appends: number[] = [];
  let release: (() => void) | undefined;
  let held: Promise<void> | undefined;
  return {
    kind: 'embedded',
    failure: undefined,
    appends,
    partitions: () => Promise.resolve(partitions),
    async append(_, added) {
      await held;
      if (this.failure !== undefined) throw this.failure;
      appends.push(added.length);
      for (const record of added)
        records['key' in record ? partitionOf(record.key, partitions) : record.partition]!.push(record);
    },
    events: (partition) =>
      (partition === undefined ? records.flat() : records[partition]!).map(({ value }) => decodeEvent(value)),
    hold(hold) {
      if (hold) held = new Promise((resolve) => (release = resolve));
      else release?.();
      if (!hold) held = undefined;
    },
    reader: () => Promise.reject(new WatchnextError('log_unavailable', 'this log is only written')),
    bounds: () => Promise.resolve(records.map(({ length }) => ({ first: 0, next: length }))),
    close: () => Promise.resolve(),
  };
};
