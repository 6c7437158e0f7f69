import { InvalidArgumentError } from 'commander';
import { durationMs } from '../src/definition/index.js';
import { instantReader, zoneOf } from '../src/features/index.js';

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

/**
 * A point in time: 2022-05-01 (midnight in the zone), 2022-05-01T06:00 (there too), an ISO time with an offset, or
 * milliseconds since the epoch.
 */
export const pointInTime = (text: string, zone = 'UTC'): number => {
  const time = instantReader(zoneOf(zone))(text);
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError(
      'must be a time: 2022-05-01, 2022-05-01T06:00, an ISO time with offset, or milliseconds.',
    );
  }
  return time;
};
