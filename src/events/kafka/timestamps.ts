import type { Message } from 'kafkajs';
import type { FetchedMessage } from './internals.js';
import { WatchnextError } from '../../errors.js';

const HEADER = 'time';
/**
 * Brokers refuse, with the whole batch, a time an hour ahead of their clock (message.timestamp.after.max.ms), and their retention
 * drops records by their timestamps: old events that are logged anew would be gone within minutes.
 */
const FURTHEST_MS = 30 * 60_000;
const DIGITS = 16;
const LOG_APPEND_TIME = 1;

/**
 * A record's time as Kafka carries it: its timestamp, or a header where that is not about now, or not whole. kafkajs sorts a batch's timestamps as text to find the first and last: leading zeros make that right.
 */
export const stampOf = (time: number, now: number): Pick<Message, 'timestamp' | 'headers'> => {
  const fits = Number.isSafeInteger(time) && time >= 0 && Math.abs(time - now) <= FURTHEST_MS;
  const timestamp = String(fits ? time : Math.max(0, Math.trunc(now))).padStart(DIGITS, '0');
  return fits ? { timestamp } : { timestamp, headers: { [HEADER]: String(time) } };
};

/** The time that {@link stampOf} carried. Throws log_damaged where the broker wrote its own over it. */
export const timeOf = (message: FetchedMessage, topic: string): number => {
  const header = message.headers[HEADER];
  if (header !== undefined) return Number(header.toString());
  if (message.batchContext.timestampType !== LOG_APPEND_TIME) return Number(message.timestamp);
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
