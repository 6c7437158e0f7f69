import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { EmbeddedLog } from '../../src/events/index.js';
import { createFolder, everything, textOf } from './spool-logs.js';

let folder: ReturnType<typeof createFolder>;
let log: EmbeddedLog;

const write = async (partition: number, from: number, count: number): Promise<void> =>
  log.append(
    'events',
    Array.from({ length: count }, (_, i) => ({ partition, time: 1, value: new TextEncoder().encode(`${from + i}`) })),
  );

beforeEach(async () => {
  folder = createFolder();
  log = await folder.open('log', 2);
});
afterEach(async () => {
  await log.close();
  folder.remove();
});

test('an embedded log forgets to the record, also within and across its segments', async () => {
  for (let i = 0; i < 3; i++) await write(0, 1000 * i, 1000);
  await write(1, 0, 5);
  const [before = 0, other] = await log.bytes('events');
  for (const offset of [1, 700, 1024, 2500]) {
    await log.forget('events', [offset]);
    expect(await log.bounds('events')).toEqual([
      { first: offset, next: 3000 },
      { first: 0, next: 5 },
    ]);
    const kept = (await everything(log, 'events', 3005 - offset)).filter(({ partition }) => partition === 0);
    expect(kept.map(textOf)).toEqual(Array.from({ length: 3000 - offset }, (_, i) => `${offset + i}`));
  }
  const [left = 0, same] = await log.bytes('events');
  expect(left / before).toBeGreaterThan(0.16);
  expect(left / before).toBeLessThan(0.18);
  expect(same).toBe(other);
});

test('an embedded log that forgot everything, and more, goes on where it was', async () => {
  await write(0, 0, 10);
  await log.forget('events', [10_000]);
  expect((await log.bounds('events'))[0]).toEqual({ first: 10, next: 10 });
  expect((await log.bytes('events'))[0]).toBe(0);
  await log.close();
  log = await folder.open('log', 2);
  await write(0, 10, 2);
  expect((await everything(log, 'events', 2)).map(({ offset }) => offset)).toEqual([10, 11]);
});

test('who reads what an embedded log forgot is told of the gap', async () => {
  await write(0, 0, 10);
  const reader = await log.reader('events', { from: [3, 0] });
  await log.forget('events', [5]);
  await expect(reader.next({ most: 10, waitMs: 0 })).rejects.toMatchObject({ code: 'log_gap' });
  await reader.close();
});
