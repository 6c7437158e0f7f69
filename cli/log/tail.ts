import type { EventLog, LogRecord, ReaderOptions, Topic } from '../../src/events/index.js';
import { contentOf, instant } from './content.js';

export interface Tail {
  readonly log: EventLog;
  readonly topic: Topic;
  /** A time: everything from then on. */
  readonly from: 'start' | 'end' | { readonly time: number };
  readonly json: boolean;
  /** Ends after so many records; never if left out. */
  readonly count?: number;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

const waitMs = 200;

/** Prints records as they come, one line each, until it is told to stop. */
export async function tail({ log, topic, from, json, count = Infinity, print, signal }: Tail): Promise<void> {
  const place: ReaderOptions['from'] = typeof from === 'string' ? from : 'start';
  const since = typeof from === 'string' ? Number.NEGATIVE_INFINITY : from.time;
  const reader = await log.reader(topic, { from: place });
  try {
    for (let printed = 0; printed < count && !signal.aborted;) {
      for (const record of await reader.next({ most: Math.min(100, count - printed), waitMs })) {
        if (record.time < since) continue;
        print(json ? jsonLine(topic, record) : textLine(topic, record));
        printed++;
      }
    }
  } finally {
    await reader.close();
  }
}

const textLine = (topic: Topic, record: LogRecord): string => {
  const { kind, time, text } = read(topic, record);
  return `${instant(time)}  ${record.partition}/${record.offset}  ${kind.padEnd(10)}  ${text}`;
};

const jsonLine = (topic: Topic, record: LogRecord): string => {
  const { partition, offset } = record;
  return JSON.stringify({ topic, partition, offset, ...read(topic, record).json });
};

function read(topic: Topic, record: LogRecord): ReturnType<typeof contentOf> {
  try {
    return contentOf(topic, record);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const json = { kind: 'unreadable', time: record.time, reason };
    return { kind: 'unreadable', time: record.time, text: reason, json };
  }
}
