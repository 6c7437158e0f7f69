import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WatchnextError } from '../../src/errors.js';
import {
  openEmbeddedLog,
  partitionOf,
  type EmbeddedLog,
  type EventLog,
  type LogRecord,
  type NewRecord,
  type Topic,
} from '../../src/events/index.js';
import { readRecords } from '../contract/event-log.js';

/** A log that is away when told so: what it was given and has not acknowledged is refused then, in order. */
export interface FlakyLog extends EventLog {
  /** From now on nothing is taken; with `afterRecords`, once so many more were. */
  leave(afterRecords?: number): void;
  comeBack(): void;
  /** From now on it takes its time: nothing is taken or refused until it goes on. */
  pause(): void;
  resume(): void;
  /** What is for these partitions is refused, the rest of a call written; as Kafka does where they have no leader. */
  readonly standing: Set<number>;
  /** Refuses the next records for another reason; told again, those after them. */
  refuseNext(error: Error): void;
}

export const flaky = (log: EventLog): FlakyLog => {
  let left = Infinity;
  const refusals: Error[] = [];
  const standing = new Set<number>();
  let chain: Promise<unknown> = Promise.resolve();
  let pause: Promise<void> = Promise.resolve();
  let resume = (): void => undefined;
  const write = async (topic: Topic, records: readonly NewRecord[]): Promise<void> => {
    await pause;
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
    if (left < records.length) {
      left = 0;
      throw new WatchnextError('log_unavailable', 'away');
    }
    left -= records.length;
    const partitions = standing.size === 0 ? 0 : await log.partitions(topic);
    const taken = records.filter(
      (record) => !standing.has('key' in record ? partitionOf(record.key, partitions) : record.partition),
    );
    await log.append(topic, taken);
    if (taken.length < records.length) throw new WatchnextError('log_unavailable', 'no leader');
  };
  return {
    kind: 'kafka',
    standing,
    partitions: (topic) => log.partitions(topic),
    reader: (topic, options) => log.reader(topic, options),
    bounds: (topic) => log.bounds(topic),
    append(topic, records) {
      const written = chain.catch(() => undefined).then(() => write(topic, records));
      chain = written;
      return written;
    },
    close: () => log.close(),
    leave: (afterRecords = 0) => void (left = afterRecords),
    comeBack: () => void (left = Infinity),
    pause: () => void (pause = new Promise((resolve) => (resume = resolve))),
    resume: () => resume(),
    refuseNext: (error) => void refusals.push(error),
  };
};

/** Embedded logs in a folder that goes with them. */
export const createFolder = (): { open(name: string, partitions: number): Promise<EmbeddedLog>; remove(): void } => {
  const directory = mkdtempSync(join(tmpdir(), 'watchnext-spool-'));
  return {
    open: (name, partitions) => openEmbeddedLog({ directory: join(directory, name), partitions }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
};

export const keyed = (key: string, value: string, time = 1000): NewRecord => ({
  key,
  time,
  value: new TextEncoder().encode(value),
});

export const textOf = ({ value }: { readonly value: Uint8Array }): string => new TextDecoder().decode(value);

/** All that the log has, or `count` records if there are fewer yet. */
export const everything = async (log: EventLog, topic: Topic, count: number): Promise<LogRecord[]> => {
  const reader = await log.reader(topic, { from: 'start' });
  try {
    return await readRecords(reader, count);
  } finally {
    await reader.close();
  }
};
