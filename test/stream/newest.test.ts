import { expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import { newestTime } from '../../training/stream/newest.js';
import { feedback, impression } from '../events/events.js';
import { memoryLog } from '../join/memory-log.js';

const start = Date.UTC(2026, 4, 1);

test('the newest time of a log is what its lists and markers say last, not what clocks of others say', async () => {
  const log = memoryLog(3);
  expect(await newestTime(log)).toBeUndefined();
  await log.log([feedback({ time: start + 9e9 })]);
  expect(await newestTime(log)).toBeUndefined();
  await log.log([impression({ time: start, userId: 'a' }), impression({ time: start + 5000, userId: 'b' })]);
  await log.log(Array.from({ length: 10 }, (_, i) => feedback({ time: start + 9e9, eventId: `e${i}` })));
  expect(await newestTime(log)).toBe(start + 5000);
  await log.log([{ kind: 'marker', time: start + 7000 }]);
  await log.append('events', [{ partition: 1, time: start, value: Uint8Array.of(1, 2) }]);
  expect(await newestTime(log)).toBe(start + 7000);
});

test('it cannot be told while the log is away', async () => {
  const away = (): Promise<never> => Promise.reject(new WatchnextError('log_unavailable', 'away'));
  expect(await newestTime({ ...memoryLog(1), bounds: away })).toBeUndefined();
});
