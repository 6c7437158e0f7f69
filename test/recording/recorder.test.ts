import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import type { Feedback, LoggedEvent } from '../../src/events/index.js';
import { createRecorder, type Recorder, type RecorderOptions } from '../../src/recording/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { createMemoryLog, type MemoryLog } from './memory-log.js';

const click = (eventId: string, more: Partial<Feedback> = {}): Feedback => ({
  kind: 'feedback',
  time: 5000,
  eventId,
  requestId: 'r1',
  userId: 'u1',
  itemId: 'v1',
  what: 'click',
  value: undefined,
  ...more,
});
const away = new WatchnextError('log_unavailable', 'the disk is full');

let opened: Recorder[] = [];
afterEach(async () => {
  await Promise.all(opened.map((recorder) => recorder.close()));
  opened = [];
});
const open = async (
  log: MemoryLog,
  more: Partial<RecorderOptions> = {},
): Promise<Recorder & { metrics: ReturnType<typeof createMetrics> }> => {
  const metrics = createMetrics();
  const options = { log, metrics, logger: silentLogger, now: () => 7000, timeoutMs: 20_000, markerMs: 1e6, ...more };
  const recorder = createRecorder(options);
  opened.push(recorder);
  await turns(); // until the first markers of time are in the log
  return { ...recorder, metrics };
};
const ids = (events: readonly LoggedEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'feedback' ? [event.eventId] : []));
const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('recording', () => {
  test('is durable when append resolves, in the order of the calls', async () => {
    const log = createMemoryLog();
    const recorder = await open(log);
    recorder.offer([() => click('a'), () => click('b')]);
    await recorder.append([click('c', { what: 'watch', value: 12.5 })]);
    expect(ids(log.events())).toEqual(['a', 'b', 'c']);
    expect(log.events()).toContainEqual(click('c', { what: 'watch', value: 12.5 }));
  });

  test('makes nothing inside the call that offers it', async () => {
    const recorder = await open(createMemoryLog());
    let made = 0;
    recorder.offer([() => (made++, click('a'))]);
    expect(made).toBe(0);
    await turns();
    expect(made).toBe(1);
  });

  test('appends in one group what came while the append before was under way', async () => {
    const log = createMemoryLog();
    const recorder = await open(log);
    log.hold(true);
    recorder.offer([() => click('first')]);
    await turns();
    const appended = ['a', 'b', 'c', 'd'].map((id) => recorder.append([click(id)]));
    await turns();
    log.hold(false);
    await Promise.all(appended);
    expect(log.appends).toEqual([2, 1, 4]); // markers, the first, the rest together
  });

  test('marks time only when it is told to, where it is: behind everything queued, durable when it resolves', async () => {
    const log = createMemoryLog(2);
    let time = 1000;
    const recorder = await open(log, { now: () => time, markerMs: Infinity });
    expect(log.events()).toEqual([]);
    recorder.offer([() => click('before', { time: 900 })]);
    time = 2000;
    await recorder.mark();
    for (const partition of [0, 1]) expect(log.events(partition).at(-1)).toEqual({ kind: 'marker', time: 2000 });
    expect(ids(log.events())).toEqual(['before']);
    log.failure = away;
    await expect(recorder.mark()).rejects.toMatchObject({ code: 'log_unavailable' });
    log.failure = undefined;
    // The event and a marker in each partition: what was refused is not written later.
    expect(log.appends.reduce((sum, records) => sum + records, 0)).toBe(3);
  });

  test('never overtakes an event with a marker of time', async () => {
    const log = createMemoryLog(3);
    let time = 1000;
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const recorder = await open(log, { now: () => time, markerMs: 5 });
      log.hold(true);
      recorder.offer([() => click('slow', { time: 1000 })]);
      await turns();
      time = 9000;
      // A marker is due six times meanwhile.
      for (let due = 0; due < 6; due++) {
        jest.advanceTimersByTime(5);
        await turns();
      }
      log.hold(false);
      await recorder.append([click('last')]);
    } finally {
      jest.useRealTimers();
    }
    for (const partition of [0, 1, 2]) {
      const times = log.events(partition).map((event) => (event.kind === 'marker' ? event.time : event.kind));
      expect(times[0]).toBe(1000);
      if (times.includes('feedback')) expect(times.indexOf('feedback')).toBeLessThan(times.indexOf(9000));
    }
    // One that waits is enough: they do not pile up behind a log that is slow.
    expect(log.events(0).filter(({ time: at }) => at === 9000)).toHaveLength(1);
  });

  test('goes on while the log fails: what is offered is counted, what is appended is told, once in the log', async () => {
    const log = createMemoryLog();
    const lines: string[] = [];
    const logger = { ...silentLogger, error: (_: object, line: string) => void lines.push(line) };
    const recorder = await open(log, { logger });
    log.failure = away;
    recorder.offer([() => click('a'), () => click('b')]);
    await expect(recorder.append([click('c')])).rejects.toMatchObject({ code: 'log_unavailable' });
    await expect(recorder.append([click('d')])).rejects.toBe(away);
    log.failure = undefined;
    await recorder.append([click('c')]);
    expect(ids(log.events())).toEqual(['c']);
    expect(lines).toEqual(['events cannot be logged; ranking goes on']);
    expect(await recorder.metrics.scrape()).toContain(
      'watchnext_events_dropped_total{topic="events",reason="log_unavailable"} 2',
    );
  });

  test('says when a burst of failures is over, and how much was lost', async () => {
    const log = createMemoryLog();
    const said: [string, object][] = [];
    const logger = { ...silentLogger, info: (fields: object, line: string) => void said.push([line, fields]) };
    let time = 0;
    const recorder = await open(log, { logger, now: () => time });
    log.failure = away;
    recorder.offer([() => click('a')]);
    await turns();
    log.failure = undefined;
    await recorder.append([click('b')]);
    expect(said).toEqual([]);
    time = 60_000;
    await recorder.append([click('c')]);
    expect(said).toEqual([['events are logged again', { dropped: 1 }]]);
  });

  test('keeps no more waiting than its bounds, by count and by bytes', async () => {
    const log = createMemoryLog();
    const recorder = await open(log, { bounds: { records: 3, bytes: 400 } });
    log.hold(true);
    recorder.offer([() => click('a'), () => click('b')]);
    await expect(recorder.append([click('c'), click('d')])).rejects.toMatchObject({ code: 'log_full' });
    await turns();
    await expect(recorder.append([click('x'.repeat(400))])).rejects.toMatchObject({ code: 'log_full' });
    log.hold(false);
    await recorder.append([click('e')]);
    expect(ids(log.events())).toEqual(['a', 'b', 'e']);
  });

  test('does not wait for ever for a log that does not answer', async () => {
    const log = createMemoryLog();
    const recorder = await open(log, { timeoutMs: 20 });
    log.hold(true);
    await expect(recorder.append([click('a')])).rejects.toMatchObject({ code: 'log_unavailable' });
    await recorder.close();
    expect(await recorder.metrics.scrape()).toContain('reason="closing"} 1');
    log.hold(false);
  });

  test('does not let one event that the log never takes take others with it', async () => {
    const log = createMemoryLog();
    const append = log.append.bind(log);
    log.append = (topic, records) =>
      records.some(({ value }) => value.byteLength > 1000)
        ? Promise.reject(new WatchnextError('event_invalid', 'a record is too large'))
        : append(topic, records);
    const recorder = await open(log);
    const [small, large, other] = await Promise.allSettled(
      ['a', 'x'.repeat(1000), 'b'].map((id) => recorder.append([click(id)])),
    );
    expect([small?.status, large?.status, other?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ids(log.events())).toEqual(['a', 'b']);
  });

  test('flushes what is queued when it closes, and then takes nothing more', async () => {
    const log = createMemoryLog();
    const recorder = await open(log);
    recorder.offer(Array.from({ length: 500 }, (_, i) => () => click(`e${i}`)));
    await recorder.close();
    expect(ids(log.events())).toHaveLength(500);
    await expect(recorder.append([click('late')])).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(ids(log.events())).toHaveLength(500);
  });

  test('begins while the log is away, and writes when it is back', async () => {
    const log = createMemoryLog();
    log.partitions = () => (log.failure === undefined ? Promise.resolve(2) : Promise.reject(log.failure));
    log.failure = away;
    const recorder = await open(log);
    log.failure = undefined;
    await recorder.append([click('a')]);
    expect(ids(log.events())).toEqual(['a']);
  });
});
