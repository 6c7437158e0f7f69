import { describe, expect, test } from '@jest/globals';
import type { LoggedEvent } from '../../src/events/index.js';
import { createFeatureState } from '../../src/features/index.js';
import { openJoinedStream } from '../../src/join/index.js';
import { createLive } from '../../src/live/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { exposure } from '../events/events.js';
import { generator } from '../features/world.js';
import { memoryLog, type MemoryLog } from './memory-log.js';
import { hour, marker, minuteMs, ranker, readAll, start } from './world.js';

const definition = ranker({ click: { wait: '3m', late: 'supplement' }, watch: { on: 'watch', wait: '5m' } });

/** Exposures among these events, of users with and without lists; a part of them dated long before or after everything else. */
const amongThem = (events: readonly LoggedEvent[], seed: number, skewed = 0.2): LoggedEvent[] => {
  const random = generator(seed);
  return events.flatMap((event, at): LoggedEvent[] => {
    if (random() < 0.5) return [event];
    const skew = random() < skewed ? (random() - 0.5) * 10 * 86_400_000 : 0;
    const told = exposure({ time: event.time + skew, userId: `u${at % 9}`, experiment: `e${at % 3}` });
    return random() < 0.5 ? [told, event] : [event, told];
  });
};

const logOf = async (events: readonly LoggedEvent[]): Promise<MemoryLog> => {
  const log = memoryLog(3);
  await log.log([...events, marker(start + 120 * minuteMs)]);
  return log;
};

describe('exposures in the log', () => {
  const events = hour(definition, { lists: 80, seed: 3 });
  const withExposures = amongThem(events, 8);

  test('change no example, no label and no outcome, in whatever pieces the log is read', async () => {
    expect(withExposures.length).toBeGreaterThan(events.length + 100);
    const without = await openJoinedStream({ log: await logOf(events), definition });
    const plain = await readAll(without);
    expect(plain.examples.length).toBeGreaterThan(60);
    const log = await logOf(withExposures);
    for (const most of [1000, 13]) {
      const stream = await openJoinedStream({ log, definition });
      expect(await readAll(stream, most, 400)).toEqual(plain);
      expect(stream.status().counters).toEqual(without.status().counters);
    }
  });

  test('are no reason to stop or to lose anything where a stream goes on from a snapshot', async () => {
    const log = await logOf(withExposures);
    const whole = await readAll(await openJoinedStream({ log, definition }));
    let stream = await openJoinedStream({ log, definition });
    const examples = [];
    for (let step = 0; step < 100; step++) {
      examples.push(...(await stream.next({ most: 11, waitMs: 0 })).examples);
      stream = await openJoinedStream({ log, definition, snapshot: stream.snapshot() });
    }
    expect(examples).toEqual(whole.examples);
  });

  test('leave feature state that follows the log as it is', async () => {
    const stateAfter = async (logged: readonly LoggedEvent[]): Promise<Uint8Array> => {
      const log = await logOf(logged);
      const metrics = createMetrics();
      const live = createLive({ log, logger: silentLogger, metrics, now: () => start + 120 * minuteMs });
      const snapshot = createFeatureState(definition).snapshot();
      const state = live.stateOf({ ranker: definition.name, definition, snapshot, until: start - 1 });
      await live.caughtUp(10_000);
      await live.close();
      return state.snapshot();
    };
    expect(Buffer.compare(await stateAfter(amongThem(events, 8, 0)), await stateAfter(events))).toBe(0);
  });
});
