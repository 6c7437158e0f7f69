import {
  partitionOf,
  recordOf,
  type EventLog,
  type LoggedEvent,
  type LogRecord,
  type NewRecord,
  type Topic,
} from '../../src/events/index.js';

/** A log in memory, for tests of what reads it: nothing waits, so an empty answer comes at once. */
export interface MemoryLog extends EventLog {
  /** All records of a topic, by partition. */
  readonly records: (topic: Topic) => readonly (readonly LogRecord[])[];
  /** Events in this order, markers into every partition. */
  log(events: readonly LoggedEvent[]): Promise<void>;
  /** The largest number of partitions that a reader was opened for, in the order of opening. */
  readonly opened: number[][];
}

export function memoryLog(partitions: number): MemoryLog {
  const topics: Record<Topic, LogRecord[][]> = { events: [], examples: [], 'dead-letters': [] };
  for (const lanes of Object.values(topics)) for (let i = 0; i < partitions; i++) lanes.push([]);
  const opened: number[][] = [];
  const put = (topic: Topic, record: NewRecord): void => {
    const partition = 'partition' in record ? record.partition : partitionOf(record.key, partitions);
    const lane = topics[topic][partition]!;
    lane.push({ partition, offset: lane.length, time: record.time, value: record.value });
  };
  const log: MemoryLog = {
    kind: 'embedded',
    opened,
    records: (topic) => topics[topic],
    partitions: () => Promise.resolve(partitions),
    append(topic, records) {
      for (const record of records) put(topic, record);
      return Promise.resolve();
    },
    async log(events) {
      for (const event of events) {
        if (event.kind !== 'marker') await log.append('events', [recordOf(event)]);
        else for (let i = 0; i < partitions; i++) await log.append('events', [recordOf(event, i)]);
      }
    },
    reader(topic, { from, partitions: some = topics[topic].map((_, i) => i) }) {
      opened.push([...some]);
      const next = topics[topic].map((lane, i) => (from === 'start' ? 0 : from === 'end' ? lane.length : from[i]!));
      return Promise.resolve({
        next({ most }) {
          const records: LogRecord[] = [];
          const open = (): number[] => some.filter((partition) => next[partition]! < topics[topic][partition]!.length);
          for (let lanes = open(); lanes.length > 0 && records.length < most; lanes = open()) {
            for (const partition of lanes.slice(0, most - records.length))
              records.push(topics[topic][partition]![next[partition]!++]!);
          }
          return Promise.resolve(records);
        },
        close: () => Promise.resolve(),
      });
    },
    bounds: (topic) => Promise.resolve(topics[topic].map((lane) => ({ first: 0, next: lane.length }))),
    close: () => Promise.resolve(),
  };
  return log;
}
