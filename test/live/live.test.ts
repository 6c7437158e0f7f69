import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import {
  openEmbeddedLog,
  recordOf,
  type EntityUpdate,
  type EventLog,
  type Feedback,
  type LoggedEvent,
  type LogReader,
} from '../../src/events/index.js';
import { createFeatureReader, createFeatureState, type FeatureState } from '../../src/features/index.js';
import { openJoinedStream, type StreamPosition } from '../../src/join/index.js';
import { createLive, type Live, type LiveOptions } from '../../src/live/index.js';
import { createMetrics, silentLogger, type Metrics } from '../../src/telemetry/index.js';
import { generator } from '../features/world.js';
import { memoryLog } from '../join/memory-log.js';
import { feedback } from '../events/events.js';
import { minuteMs, ranker, shown, start } from '../join/world.js';

const definition = ranker({ click: { wait: '5m' }, watch: { on: 'watch', wait: '5m' } });
const click = (over: Partial<Feedback> = {}): Feedback =>
  feedback({
    requestId: 'r1',
    userId: 'u1',
    itemId: 'b',
    what: 'click',
    value: undefined,
    time: start + 1000,
    ...over,
  });
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const embeddedLog = async (): Promise<EventLog> => {
  const directory = mkdtempSync(join(tmpdir(), 'watchnext-live-'));
  const log = await openEmbeddedLog({ directory, partitions: 2 });
  closing.push(async () => {
    await log.close();
    rmSync(directory, { recursive: true });
  });
  return log;
};

/** In memory, and with readers that wait a little, as a log does. */
const fakeLog = (): EventLog => {
  const log = memoryLog(2);
  return {
    ...log,
    reader: async (...args): Promise<LogReader> => {
      const reader = await log.reader(...args);
      return {
        ...reader,
        next: async (how) => {
          const records = await reader.next(how);
          if (records.length === 0) await sleep(Math.min(5, how.waitMs));
          return records;
        },
      };
    },
  };
};

const append = (log: EventLog, events: readonly LoggedEvent[]): Promise<void> =>
  log.append(
    'events',
    events.flatMap((event) => (event.kind === 'marker' ? [recordOf(event, 0), recordOf(event, 1)] : [recordOf(event)])),
  );

const live = (log: EventLog, options: Partial<LiveOptions> = {}): Live => {
  const made = createLive({
    log,
    logger: silentLogger,
    metrics: createMetrics(),
    now: () => start + 60 * minuteMs,
    ...options,
  });
  closing.push(() => made.close());
  return made;
};

const from = (
  of: RankerDefinition = definition,
  over: { snapshot?: Uint8Array; position?: StreamPosition } = {},
): Parameters<Live['stateOf']>[0] => ({
  ranker: of.name,
  definition: of,
  snapshot: createFeatureState(of).snapshot(),
  until: start - 1,
  ...over,
});

/** What the stateful features say of a user and an item: how long the history is, and what the rate counts. */
const reading = (state: FeatureState, user = 'u1', item = 'b', at = start + 60 * minuteMs): unknown => {
  const reader = createFeatureReader({ definition, state });
  const fields = { user: { user_id: user }, context: {}, candidates: [{ item_id: item, user_id: user }] };
  const { columns } = reader.read([{ time: at, ...fields }]);
  const [watched, rate] = [columns.get('watched'), columns.get('rate')];
  return {
    history: watched?.type === 'keys' ? [...watched.keys] : [],
    rate: rate?.type === 'numbers' ? [...rate.values].map((value) => Math.round(value * 1e6) / 1e6) : [],
  };
};

const until = async (done: () => boolean, limitMs = 20_000): Promise<number> => {
  const began = performance.now();
  while (!done() && performance.now() - began < limitMs) await sleep(2);
  return performance.now() - began;
};
const clicked = (state: FeatureState): boolean => (reading(state) as { rate: number[] }).rate[0] === 1;
const countOf = async (metrics: Metrics, kind: string): Promise<number> => {
  const line = (await metrics.scrape())
    .split('\n')
    .find((each) => each.includes(`events_total{`) && each.includes(`kind="${kind}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
};

describe.each([
  ['embedded', embeddedLog],
  ['in memory', () => Promise.resolve(fakeLog())],
])('state that follows a log (%s)', (_, open) => {
  test('shows a feedback in history and rate within one second', async () => {
    const log = await open();
    await append(log, [shown({ of: definition })]);
    const state = live(log).stateOf(from());
    await until(() => state.sizes().get('rate')!.waiting > 0);
    expect(clicked(state)).toBe(false);
    await append(log, [click()]);
    const tookMs = await until(() => clicked(state));
    expect(clicked(state)).toBe(true);
    expect(tookMs).toBeLessThan(1000);
    expect((reading(state) as { history: number[] }).history).toHaveLength(2);
  });
});

test('state on demand stands still until it is asked to catch up, then knows everything that is in the log', async () => {
  const log = await embeddedLog();
  const following = live(log, { onDemand: true });
  const state = following.stateOf(from());
  await append(log, [shown({ of: definition }), click()]);
  await sleep(150);
  expect(clicked(state)).toBe(false);
  await following.caughtUp(20_000);
  expect(clicked(state)).toBe(true);
  await append(log, [click({ eventId: 'e2', userId: 'u1', itemId: 'a' })]);
  const { history } = reading(state) as { history: number[] };
  await sleep(150);
  expect((reading(state) as { history: number[] }).history).toEqual(history);
  await following.caughtUp(20_000);
  expect((reading(state) as { history: number[] }).history.length).toBeGreaterThan(history.length);
});

test('catching up is given up after a while, and at once when everything is known', async () => {
  const log = fakeLog();
  const reader = (): Promise<LogReader> => Promise.reject(new WatchnextError('log_unavailable', 'away'));
  const away = live({ ...log, reader }, { onDemand: true });
  away.stateOf(from());
  await append(log, [shown({ of: definition })]);
  const began = performance.now();
  await away.caughtUp(60);
  expect(performance.now() - began).toBeGreaterThan(50);
  const there = live(log);
  there.stateOf(from());
  await there.caughtUp(20_000);
  await there.caughtUp(0);
});

describe('a swap', () => {
  test('to a version with the same stateful features keeps the state', async () => {
    const log = fakeLog();
    await append(log, [shown({ of: definition })]);
    const following = live(log);
    const state = following.stateOf(from());
    await until(() => state.sizes().get('rate')!.waiting > 0);
    const other = ranker(definition.labels, {
      network: { kind: 'shared_bottom' },
      score: { form: 'sum', weights: { click: 2 } },
    });
    expect(following.stateOf(from(other))).toBe(state);
    expect(state.sizes().get('rate')!.waiting).toBeGreaterThan(0);
  });

  const longer = ranker(definition.labels, {
    features: {
      ...definition.features,
      watched: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', last: 9, dim: 2 },
    },
  });
  const sooner = ranker({ click: { wait: '1m' } });

  test('to other stateful features, labels or tasks makes another state; the one let go of last is followed on', () => {
    const following = live(fakeLog());
    const first = following.stateOf(from());
    const second = following.stateOf(from(longer));
    expect(second).not.toBe(first);
    following.release(first);
    expect(following.stateOf(from())).toBe(first);
    following.release(first);
    const third = following.stateOf(from(sooner));
    expect(third).not.toBe(first);
    following.release(second);
    expect(following.stateOf(from(longer))).toBe(second);
    expect(following.stateOf(from())).not.toBe(first);
  });

  test('to another ranker leaves the states of this one alone', () => {
    const following = live(fakeLog());
    const state = following.stateOf(from());
    following.release(state);
    const other = { ...from({ ...longer, name: 'other' }) };
    following.release(following.stateOf(other));
    expect(following.stateOf(from())).toBe(state);
  });

  test('or several versions at once: each is followed for as long as somebody holds it', async () => {
    const log = fakeLog();
    const following = live(log);
    const definitions = [definition, longer, sooner, ranker({ click: { wait: '2m' } })];
    const states = definitions.map((each) => following.stateOf(from(each)));
    expect(new Set(states).size).toBe(4);
    const [oldest] = states;
    following.hold(oldest!);
    following.release(oldest!);
    await append(log, [shown({ of: definition }), click()]);
    for (const state of states) {
      await until(() => clicked(state));
      expect(clicked(state)).toBe(true);
    }
    for (const state of states) following.release(state);
    await append(log, [click({ eventId: 'e2', itemId: 'a' })]);
    const clickedA = (state: FeatureState): boolean => (reading(state, 'u1', 'a') as { rate: number[] }).rate[0] === 1;
    await until(() => clickedA(states[3]!));
    expect(states.map(clickedA)).toEqual([false, false, false, true]);
  });

  test('costs nothing where no feature has state', () => {
    const log = fakeLog();
    const plain = ranker({}, { features: { length: { kind: 'number', scope: 'candidate' } } });
    const following = live(log);
    expect(following.stateOf(from(plain)).sizes().size).toBe(0);
    expect(following.lagMs).toBe(0);
  });
});

/** Requests of six users over half an hour, each with some feedback soon or late, in the order of their times. */
const world = (seed: number): LoggedEvent[] => {
  const random = generator(seed);
  const events: LoggedEvent[] = [];
  for (let i = 0; i < 300; i++) {
    const userId = `u${Math.floor(random() * 6)}`;
    const time = start + i * 6000 + Math.floor(random() * 1000);
    const requestId = `r${i}`;
    events.push(shown({ of: definition, requestId, userId, time }));
    for (const itemId of ['a', 'b', 'c']) {
      if (random() < 0.5) continue;
      const at = time + Math.floor(random() ** 3 * 6 * minuteMs) + 1;
      const about = { requestId, userId, itemId };
      events.push(click({ ...about, eventId: `c${i}${itemId}`, time: at }));
      events.push(feedback({ ...about, eventId: `w${i}${itemId}`, what: 'watch', value: 5, time: at + 1 }));
    }
    if (i % 5 === 0) events.push({ kind: 'marker', time: time + 1 });
  }
  return events.sort((a, b) => a.time - b.time);
};
const everything = (state: FeatureState): unknown =>
  ['u0', 'u1', 'u2', 'u3', 'u4', 'u5'].flatMap((user) => ['a', 'b', 'c'].map((item) => reading(state, user, item)));

/** What the learner makes of the log, in the order of the merge, up to a watermark; and where that is. */
const learn = async (log: EventLog, before: number): Promise<{ state: FeatureState; position: StreamPosition }> => {
  const stream = await openJoinedStream({ log, definition, examples: false });
  const state = createFeatureState(definition);
  for (let watermark = 0; watermark < before;) {
    const joined = await stream.next({ most: 50, waitMs: 20 });
    state.observe(joined.outcomes);
    ({ watermark } = joined);
  }
  state.advance(stream.position().watermark);
  await stream.close();
  return { state, position: stream.position() };
};

test('restarting from a snapshot and the log is the same as never having stopped, and as the learner', async () => {
  const log = await embeddedLog();
  const events = world(7);
  const half = events.length / 2;
  const metrics = createMetrics();
  const state = live(log, { metrics }).stateOf(from());
  await append(log, events.slice(0, half));
  const { state: learned, position } = await learn(log, events[Math.floor(half) - 20]!.time - 4000);
  expect(Math.max(...position.offsets)).toBeGreaterThan(0);
  await append(log, [...events.slice(half), { kind: 'marker', time: start + 50 * minuteMs }]);
  const restarted = live(log).stateOf(from(definition, { snapshot: learned.snapshot(), position }));

  const truth = everything((await learn(log, start + 45 * minuteMs)).state);
  const wanted = events.filter(({ kind }) => kind === 'feedback').length;
  for (let seen = -1; seen < wanted; seen = await countOf(metrics, 'feedback')) await sleep(10);
  await until(() => JSON.stringify(everything(restarted)) === JSON.stringify(truth));
  expect(everything(restarted)).toEqual(truth);
  expect(everything(state)).toEqual(truth);
  expect(everything(createFeatureState(definition))).not.toEqual(truth);
});

describe('nothing stops it', () => {
  test('records that are no events are counted and passed over', async () => {
    const log = fakeLog();
    const metrics = createMetrics();
    await append(log, [shown({ of: definition })]);
    await log.append('events', [{ key: 'u1', time: 1, value: Uint8Array.of(1, 2, 3) }]);
    const broken = recordOf(shown({ of: definition, requestId: 'r2' }));
    broken.value[60] = 255 ^ (broken.value[60] ?? 0);
    await log.append('events', [broken]);
    await append(log, [click()]);
    const state = live(log, { metrics }).stateOf(from());
    await until(() => clicked(state));
    expect(clicked(state)).toBe(true);
    expect(await countOf(metrics, 'unreadable')).toBe(2);
  });

  test('while the log is away it says so by its lag, and goes on when it is back', async () => {
    const log = fakeLog();
    await append(log, [shown({ of: definition })]);
    let away = false;
    const clock = { time: start + 60 * minuteMs };
    const unreliable: EventLog = {
      ...log,
      reader: async (...args) => {
        const reader = await log.reader(...args);
        const gone = new WatchnextError('log_unavailable', 'The log is away.');
        return { ...reader, next: (how) => (away ? Promise.reject(gone) : reader.next(how)) };
      },
    };
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
    const following = live(unreliable, { now: () => clock.time, logger });
    const state = following.stateOf(from());
    await until(() => following.lagMs === 0);
    expect(following.lagMs).toBe(0);
    away = true;
    await append(log, [click()]);
    await until(() => warnings.length > 0);
    clock.time += 30_000;
    expect(following.lagMs).toBe(30_000);
    expect(warnings).toEqual(['feature state cannot follow the event log']);
    away = false;
    await until(() => clicked(state));
    expect(clicked(state)).toBe(true);
    await until(() => following.lagMs === 0);
    expect(following.lagMs).toBe(0);
  });

  test('a position that retention has passed begins with what is kept', async () => {
    const log = fakeLog();
    await append(log, [shown({ of: definition }), click()]);
    const beyond = { watermark: start, offsets: [900, 900] };
    const state = live(log).stateOf(from(definition, { position: beyond }));
    await until(() => clicked(state));
    expect(clicked(state)).toBe(true);
  });
});

test('catching up leaves the thread to others in between', async () => {
  const log = fakeLog();
  await append(
    log,
    Array.from({ length: 3000 }, (_, i) => shown({ of: definition, requestId: `r${i}`, time: start + i, rows: 20 })),
  );
  const following = live(log);
  const state = following.stateOf(from());
  let turns = 0;
  while (following.lagMs > 0) {
    turns++;
    await sleep(0);
  }
  expect(state.sizes().get('rate')!.cells).toBe(20);
  expect(turns).toBeGreaterThan(20);
});

test('item and user updates are told in their order, from where it is asked to begin', async () => {
  const log = fakeLog();
  const update = (id: string, age: number, kind: 'item' | 'user' = 'user'): EntityUpdate => ({
    kind,
    time: start,
    id,
    fields: { age },
  });
  await append(log, [update('u1', 1), shown({ of: definition })]);
  const told: EntityUpdate[] = [];
  const since: EntityUpdate[] = [];
  live(log, { onEntity: (each) => void told.push(each), entitiesFrom: 'start' });
  live(log, { onEntity: async (each) => void since.push(await Promise.resolve(each)) });
  await until(() => told.length === 1);
  await append(log, [update('u1', 2), update('v1', 3, 'item'), update('u1', 4)]);
  await until(() => told.length === 4 && since.length === 3);
  expect(told.filter(({ id }) => id === 'u1').map(({ fields }) => fields['age'])).toEqual([1, 2, 4]);
  expect(since.filter(({ id }) => id === 'v1')).toEqual([update('v1', 3, 'item')]);
});
