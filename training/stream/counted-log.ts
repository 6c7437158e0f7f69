import type { EventLog } from '../../src/events/index.js';

/** A log that says how many records were read from it: all, and by the last reading (-1 before the first). */
export type CountedLog = EventLog & { readonly read: { readonly records: number; readonly last: number } };

export const counted = (log: EventLog): CountedLog => {
  const read = { records: 0, last: -1 };
  return {
    kind: log.kind,
    read,
    partitions: (topic) => log.partitions(topic),
    append: (topic, records) => log.append(topic, records),
    bounds: (topic) => log.bounds(topic),
    close: () => log.close(),
    async reader(topic, options) {
      const reader = await log.reader(topic, options);
      return {
        async next(how) {
          const records = await reader.next(how);
          read.records += records.length;
          read.last = records.length;
          return records;
        },
        close: () => reader.close(),
      };
    },
  };
};
