import { hashId } from '../features/index.js';
import { encodeEvent } from './codec.js';
import type { LoggedEvent, NewRecord, TimeMarker } from './types.js';

/** The partition of a key, in [0, partitions): the same for every log and for ever, as events are found again by it. */
export const partitionOf = (key: string, partitions: number): number => hashId(key)[1] % partitions;

/**
 * An event as an entry of the log. What one user does lies in one partition, in its order: the key is the user's id, else
 * the request's; an item's update goes by the item. A time marker is for one partition, which is given.
 */
export function recordOf(event: Exclude<LoggedEvent, TimeMarker>): NewRecord;
export function recordOf(event: LoggedEvent, partition: number): NewRecord;
export function recordOf(event: LoggedEvent, partition = 0): NewRecord {
  const { time } = event;
  const value = encodeEvent(event);
  if (event.kind === 'marker') return { time, value, partition };
  return { time, value, key: keyOf(event) };
}

const keyOf = (event: Exclude<LoggedEvent, TimeMarker>): string => {
  if ('id' in event) return String(event.id);
  return String(event.kind === 'exposure' ? event.userId : (event.userId ?? event.requestId));
};
