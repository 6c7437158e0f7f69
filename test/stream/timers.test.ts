import { describe, expect, test } from '@jest/globals';
import { streamTimer, wallTimer } from '../../training/stream/timers.js';

describe('a timer of event time', () => {
  /** At which of these watermarks it is due, restarted each time. */
  const dueAt = (everyMs: number, watermarks: readonly number[]): number[] => {
    let time = Number.NEGATIVE_INFINITY;
    const timer = streamTimer(everyMs, () => time);
    return watermarks.filter((watermark) => {
      time = watermark;
      const due = timer.isDue();
      if (due) timer.restart();
      return due;
    });
  };

  test('is due once for each multiple that is passed, however far the time jumps', () => {
    expect(dueAt(100, [-Infinity, 1030, 1090, 1100, 1199, 1420, 1499, 1500])).toEqual([1100, 1420, 1500]);
  });

  test('goes by the same points of the log when it begins elsewhere', () => {
    const times = Array.from({ length: 200 }, (_, i) => 1000 + 13 * i);
    const late = dueAt(100, times.slice(57));
    expect(late).toEqual(dueAt(100, times).filter((time) => time >= (late[0] ?? 0)));
    expect(late.length).toBeGreaterThan(15);
  });

  test('is never due before there is a time, nor with an endless interval', () => {
    expect(dueAt(100, [-Infinity, -Infinity, 5])).toEqual([]);
    expect(dueAt(Infinity, [-Infinity, 0, 1e15])).toEqual([]);
  });

  test('waits on when it is restarted before there is a time', () => {
    let time = Number.NEGATIVE_INFINITY;
    const timer = streamTimer(10, () => time);
    timer.restart();
    time = 5;
    expect(timer.isDue()).toBe(false);
    time = 10;
    expect(timer.isDue()).toBe(true);
  });
});

test('a timer of real time is due so long after it was last restarted', () => {
  let now = 500;
  const timer = wallTimer(100, () => now);
  now = 599;
  expect(timer.isDue()).toBe(false);
  now = 600;
  expect(timer.isDue()).toBe(true);
  timer.restart();
  now = 699;
  expect(timer.isDue()).toBe(false);
});
