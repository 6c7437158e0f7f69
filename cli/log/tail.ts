import type { EventLog, LogRecord, ReaderOptions, Topic } from '../../src/events/index.js';
import { contentOf, instant } from './content.js';

export interface Tail {
  readonly log: EventLog;
  readonly topic: Topic;
  /** A time: everything from then on. */
  readonly from: 'start' | 'end' | { readonly time: number };
  readonly json: boolean;
  /** Time markers too, which come every second; left out otherwise. */
  readonly markers?: boolean;
  /** Ends after so many records; never if left out. */
  readonly count?: number;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

const waitMs = 200;

/** Prints records as they come, one line each, until it is told to stop. */
export async function tail(options: Tail): Promise<void> {
  const { log, topic, from, json, markers = false, count = Infinity, print, signal } = options;
  const place: ReaderOptions['from'] = typeof from === 'string' ? from : 'start';
  const since = typeof from === 'string' ? Number.NEGATIVE_INFINITY : from.time;
  const reader = await log.reader(topic, { from: place });
  try {
    for (let printed = 0; printed < count && !signal.aborted;) {
      for (const record of await reader.next({ most: 100, waitMs })) {
        if (record.time < since) continue;
        const content = read(topic, record);
        if (content.kind === 'marker' && !markers) continue;
        print(json ? jsonLine(topic, record, content) : textLine(record, content));
        if (++printed >= count) break;
      }
    }
  } finally {
    await reader.close();
  }
}

type Content = ReturnType<typeof contentOf>;

const textLine = ({ partition, offset }: LogRecord, { kind, time, text }: Content): string =>
  `${instant(time)}  ${partition}/${offset}  ${kind.padEnd(10)}  ${text}`;

const jsonLine = (topic: Topic, { partition, offset }: LogRecord, { json }: Content): string =>
  JSON.stringify({ topic, partition, offset, ...json });

function read(topic: Topic, record: LogRecord): Content {
  try {
    return contentOf(topic, record);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const json = { kind: 'unreadable', time: record.time, reason };
    return { kind: 'unreadable', time: record.time, text: reason, json };
  }
}
