import { describe, expect, test } from '@jest/globals';
import { rememberDays, zoneOf } from '../../src/features/zone.js';
import { dayMs } from './platform.js';
import { generator } from './world.js';

const zones = ['UTC', 'Asia/Shanghai', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu'];

describe.each(zones)('in %s', (timezone) => {
  const zone = zoneOf(timezone);
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' });

  test('clocks show what Intl says, at random moments of 40 years', () => {
    const random = generator(4);
    for (let i = 0; i < 300; i++) {
      const time = Math.floor((random() * 40 - 5) * 365 * dayMs);
      const local = new Date(time + zone.offsetMs(time)).toISOString().slice(0, 19).replace('T', ' ');
      expect(local).toBe(clock.format(time));
    }
  });

  test('the next midnight shows 00:00 and nothing between shows another date', () => {
    for (let hour = 0; hour < 24 * 365; hour += 7) {
      const time = Date.UTC(2026, 0, 1) + hour * 3_600_000;
      const midnight = zone.nextMultiple(time, dayMs);
      expect(midnight).toBeGreaterThan(time);
      expect(clock.format(midnight).slice(11)).toBe('00:00:00');
      expect(clock.format(midnight - 1).slice(0, 10)).toBe(clock.format(time).slice(0, 10));
    }
  });
});

test('a midnight that the clocks skip is the moment at which they do', () => {
  // Brazil, 2018-11-04: 23:59:59 was followed by 01:00:00.
  const change = Date.parse('2018-11-04T03:00:00Z');
  expect(zoneOf('America/Sao_Paulo').nextMultiple(change - 5000, dayMs)).toBe(change);
});

test('a midnight that comes twice means the second', () => {
  // Brazil, 2018-02-18: at midnight the clocks went back to 23:00 of the day before.
  const first = Date.parse('2018-02-18T02:00:00Z');
  expect(zoneOf('America/Sao_Paulo').nextMultiple(first - 5000, dayMs)).toBe(first + 3_600_000);
  expect(zoneOf('America/Sao_Paulo').nextMultiple(first + 5000, dayMs)).toBe(first + 3_600_000);
});

test('Intl is asked a bounded number of times, whatever times come, and answers are the same in any order', () => {
  let asked = 0;
  const summerFrom = Date.UTC(2026, 2, 29, 1);
  const offsetAt = rememberDays((time) => {
    asked++;
    return time < summerFrom ? 3_600_000 : 7_200_000;
  });
  const random = generator(9);
  for (let i = 0; i < 400_000; i++) offsetAt(Math.floor((random() - 0.5) * 1.6e16));
  for (let i = 0; i < 400_000; i++) offsetAt(Math.floor((random() - 0.2) * 4e12));
  expect(asked).toBeLessThan(80_000);
  expect([summerFrom, summerFrom - 1, 8.64e15, summerFrom, -8.64e15].map(offsetAt)).toEqual([
    7_200_000, 3_600_000, 7_200_000, 7_200_000, 3_600_000,
  ]);
});

test('times far from every calendar have the offset of the nearest year that is known', () => {
  const zone = zoneOf('Asia/Shanghai');
  expect(zone.offsetMs(8.64e15)).toBe(8 * 3_600_000);
  expect(zone.offsetMs(-8.64e15)).toBe(zone.offsetMs(Date.UTC(1900, 0, 1)));
});

test('a zone that does not exist is an error', () => {
  expect(() => zoneOf('Mars/Olympus')).toThrow(RangeError);
});
