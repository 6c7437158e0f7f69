import { InvalidArgumentError } from 'commander';
import { durationMs } from '../src/definition/index.js';

export const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('must be a whole number, 0 or more.');
  return value;
};

export const positiveNumber = (text: string): number => {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('must be 1 or more.');
  return value;
};

export const duration = (text: string): number => {
  try {
    return durationMs(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
};

/** How far a zone is ahead of UTC at an instant. */
const offsetMs = (instant: number, zone: string): number => {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(instant);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return (
    Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) -
    Math.floor(instant / 1000) * 1000
  );
};

/**
 * A point in time: 2022-05-01 (midnight in the ranker's time zone), 2022-05-01T06:00 (there too), an ISO time with an
 * offset, or milliseconds since the epoch.
 */
export const pointInTime = (text: string, zone = 'UTC'): number => {
  if (/^\d{11,}$/.test(text)) return Number(text);
  const local = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (local === null) {
    const value = Date.parse(text);
    if (Number.isNaN(value)) {
      throw new InvalidArgumentError(
        'must be a time: 2022-05-01, 2022-05-01T06:00, an ISO time with offset, or milliseconds.',
      );
    }
    return value;
  }
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = local
    .slice(1)
    .map((part) => Number(part || 0));
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second);
  if (new Date(asUtc).getUTCMonth() !== month - 1) throw new InvalidArgumentError(`there is no day ${text}.`);
  const first = asUtc - offsetMs(asUtc, zone);
  return asUtc - offsetMs(first, zone);
};
