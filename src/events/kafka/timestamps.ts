import type { Message } from 'kafkajs';
import { WatchnextError } from '../../errors.js';
import type { Cursor } from './cursor.js';

const HEADER = 'time';
/**
 * Brokers refuse, with the whole batch, a time an hour ahead of their clock (message.timestamp.after.max.ms), and their retention
 * drops records by their timestamps: old events that are logged anew would be gone within minutes.
 */
const FURTHEST_MS = 30 * 60_000;
const DIGITS = 16;

/**
 * A record's time as Kafka carries it: its timestamp, or a header where that is not about now, or not whole. kafkajs sorts a batch's timestamps as text to find the first and last: leading zeros make that right.
 */
export const stampOf = (time: number, now: number): Pick<Message, 'timestamp' | 'headers'> => {
  const fits = Number.isSafeInteger(time) && time >= 0 && Math.abs(time - now) <= FURTHEST_MS;
  const timestamp = String(fits ? time : Math.max(0, Math.trunc(now))).padStart(DIGITS, '0');
  return fits ? { timestamp } : { timestamp, headers: { [HEADER]: String(time) } };
};

/** Reads a record's headers; answers the one that says a time. */
export function timeHeader(cursor: Cursor): string | undefined {
  let found: string | undefined;
  for (let headers = cursor.varint(); headers > 0; headers--) {
    const name = text(cursor);
    const value = text(cursor);
    if (name === HEADER) found = value;
  }
  return found;
}

function text(cursor: Cursor): string {
  const start = cursor.pass(cursor.varint());
  return cursor.bytes.toString('utf8', start, cursor.at);
}

/** The time that {@link stampOf} carried. Throws log_damaged where the broker wrote its own over it. */
export const timeOf = (
  said: { readonly stamp: number; readonly isAppendTime: boolean; readonly header: string | undefined },
  topic: string,
): number => {
  if (said.header !== undefined) return Number(said.header);
  if (!said.isAppendTime) return said.stamp;
  throw new WatchnextError('log_damaged', `topic ${topic} does not keep the times of its records`, {
    problems: [
      {
        path: topic,
        message: 'has message.timestamp.type=LogAppendTime',
        hint: 'set it to CreateTime and write the topic anew',
      },
    ],
  });
};
