import { decodeEvent, type EventLog, type LogRecord } from '../../src/events/index.js';

/** So many records at a partition's end are looked at: what is said of time comes often. */
const lookedAt = 16;
const waitMs = 1000;

/**
 * The largest event time that lists and markers at the end of the log's partitions say; feedback and updates bring the clocks
 * of others. Undefined where there is none, and while the log is away.
 */
export const newestTime = async (log: EventLog): Promise<number | undefined> => {
  try {
    const bounds = await log.bounds('events');
    const from = bounds.map(({ first, next }) => Math.max(first, next - lookedAt));
    let left = bounds.reduce((sum, { next }, partition) => sum + next - (from[partition] ?? next), 0);
    const reader = await log.reader('events', { from });
    let newest = -Infinity;
    try {
      while (left > 0) {
        const records = await reader.next({ most: left, waitMs });
        if (records.length === 0) break;
        left -= records.length;
        for (const record of records) newest = Math.max(newest, saidTime(record));
      }
    } finally {
      await reader.close();
    }
    return Number.isFinite(newest) ? newest : undefined;
  } catch {
    return undefined;
  }
};

const saidTime = ({ value }: LogRecord): number => {
  try {
    const { kind, time } = decodeEvent(value);
    return kind === 'impression' || kind === 'marker' ? time : -Infinity;
  } catch {
    return -Infinity;
  }
};
