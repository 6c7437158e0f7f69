import type { EventLog, LogRecord, Topic } from './types.js';

const recordsPerRead = 500;

export interface Walk {
  readonly log: EventLog;
  readonly topic: Topic;
  readonly each: (record: LogRecord) => void;
  /** How many records of how many, after each step. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Every record that is in the topic now, each partition in its order; answers by partition the offset after the last. */
export async function walk({ log, topic, each, onProgress }: Walk): Promise<readonly number[]> {
  const bounds = await log.bounds(topic);
  const next = bounds.map(({ first }) => first);
  const total = bounds.reduce((sum, { first, next: end }) => sum + end - first, 0);
  const reader = await log.reader(topic, { from: 'start' });
  try {
    for (let done = 0; bounds.some(({ next: end }, partition) => (next[partition] ?? end) < end);) {
      const records = await reader.next({ most: recordsPerRead, waitMs: 2000 });
      // A log that is compacted or that holds transactions may end before its bound.
      if (records.length === 0) break;
      for (const record of records) {
        const end = bounds[record.partition]?.next ?? 0;
        if (record.offset >= end) continue;
        next[record.partition] = record.offset + 1;
        each(record);
      }
      done += records.length;
      onProgress?.(Math.min(done, total), total);
    }
  } finally {
    await reader.close();
  }
  return next;
}
