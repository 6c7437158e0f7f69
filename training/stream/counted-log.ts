import type { EventLog } from '../../src/events/index.js';

/** The same log; tells how many records each reading gave. */
export const counted = (log: EventLog, onRead: (records: number) => void): EventLog => ({
  kind: log.kind,
  partitions: (topic) => log.partitions(topic),
  append: (topic, records) => log.append(topic, records),
  bounds: (topic) => log.bounds(topic),
  close: () => log.close(),
  async reader(topic, options) {
    const reader = await log.reader(topic, options);
    return {
      async next(how) {
        const records = await reader.next(how);
        onRead(records.length);
        return records;
      },
      close: () => reader.close(),
    };
  },
});
