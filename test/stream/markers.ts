import { recordOf, type EventLog } from '../../src/events/index.js';

/** Lets time pass in a log: nothing earlier than `time` is waited for in any of its partitions. */
export const appendMarkers = async (log: EventLog, time: number): Promise<void> => {
  const partitions = await log.partitions('events');
  await log.append(
    'events',
    Array.from({ length: partitions }, (_, partition) => recordOf({ kind: 'marker', time }, partition)),
  );
};
