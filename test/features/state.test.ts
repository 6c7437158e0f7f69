import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import {
  createFeatureReader,
  createFeatureState,
  outcomeDescriber,
  restoreFeatureState,
  type FeatureState,
} from '../../src/features/index.js';
import { dayMs, outcome, ranker, request, start } from './platform.js';
import { everyKind, simulateLog } from './world.js';

const counting = (training: RankerDefinition['training'], own?: string): RankerDefinition =>
  ranker({
    features: {
      shown: { kind: 'count', scope: 'user', key: 'user_id', ...(own === undefined ? {} : { feedback_delay: own }) },
    },
    ...(training === undefined ? {} : { training }),
  });

/** How many impressions of user u a read at this time sees. */
function seen(definition: RankerDefinition, state: FeatureState, time: number): number {
  const batch = createFeatureReader({ definition, state }).read([request({ time, user: { user_id: 'u' } })]);
  const column = batch.columns.get('shown');
  return column?.type === 'numbers' ? column.values[0]! : Number.NaN;
}

describe('feedback becomes visible', () => {
  test('to every later read when there is no delay, but not at its own time', () => {
    const definition = counting(undefined);
    const state = createFeatureState(definition);
    state.observe([outcome(start, { click: 0 })]);
    expect(seen(definition, state, start)).toBe(0);
    expect(seen(definition, state, start + 1)).toBe(1);
  });

  test('at the next midnight of the training time zone with a delay of a day', () => {
    const definition = counting({ feedback_delay: '1d', timezone: 'Asia/Shanghai' });
    const state = createFeatureState(definition);
    const midnight = Date.parse('2026-01-06T00:00:00+08:00');
    state.observe([outcome(midnight - 1, {}), outcome(midnight - dayMs, {}), outcome(midnight, {})]);
    expect(seen(definition, state, midnight - 1)).toBe(0);
    expect(seen(definition, state, midnight)).toBe(2);
    expect(seen(definition, state, midnight + dayMs - 1)).toBe(2);
    expect(seen(definition, state, midnight + dayMs)).toBe(3);
  });

  test('at local midnight on the days when the clocks change', () => {
    const definition = counting({ feedback_delay: '1d', timezone: 'Europe/Berlin' });
    for (const [evening, midnight] of [
      ['2026-03-29T00:30:00+01:00', '2026-03-30T00:00:00+02:00'],
      ['2026-10-25T01:00:00+02:00', '2026-10-26T00:00:00+01:00'],
    ] as const) {
      const state = createFeatureState(definition);
      state.observe([outcome(Date.parse(evening), {})]);
      expect(seen(definition, state, Date.parse(midnight) - 1)).toBe(0);
      expect(seen(definition, state, Date.parse(midnight))).toBe(1);
    }
  });

  test('after a feature’s own delay where it has one', () => {
    const definition = counting({ feedback_delay: '1d' }, '1h');
    const state = createFeatureState(definition);
    state.observe([outcome(start + 10, {})]);
    expect(seen(definition, state, start + 3_599_999)).toBe(0);
    expect(seen(definition, state, start + 3_600_000)).toBe(1);
  });

  test('at once when it arrives after the moment at which it would have become visible', () => {
    const definition = counting({ feedback_delay: '1d' });
    const state = createFeatureState(definition);
    expect(seen(definition, state, start + 3 * dayMs)).toBe(0);
    state.observe([outcome(start + 3 * dayMs, {}), outcome(start + dayMs, {})]);
    expect(seen(definition, state, start + 3 * dayMs + 1)).toBe(1);
    expect(seen(definition, state, start + 4 * dayMs)).toBe(2);
  });
});

test.each(['0s', '1d'])('is the same to the bit when told of outcomes that were described, delayed by %s', (delay) => {
  const definition = everyKind(delay);
  const [told, toldOfDescribed] = [createFeatureState(definition), createFeatureState(definition)];
  const log = simulateLog(120, 7);
  const described = outcomeDescriber(definition)(log.flatMap(({ outcomes }) => outcomes));
  let from = 0;
  for (const { input, outcomes } of log) {
    told.advance(input.time);
    toldOfDescribed.advance(input.time);
    told.observe(outcomes);
    const until = from + outcomes.length;
    // In two pieces: where they are cut makes no difference.
    toldOfDescribed.observeDescribed(described, { from, until: from + 1 });
    toldOfDescribed.observeDescribed(described, { from: from + 1, until });
    from = until;
  }
  expect(from).toBeGreaterThan(300);
  expect(Buffer.compare(toldOfDescribed.snapshot(), told.snapshot())).toBe(0);
});

describe('a snapshot', () => {
  const definition = everyKind('1d');
  const played = (): FeatureState => {
    const state = createFeatureState(definition);
    const reader = createFeatureReader({ definition, state });
    for (const { input, outcomes } of simulateLog(80, 3)) {
      reader.read([input]);
      state.observe(outcomes);
    }
    return state;
  };

  test('is the same bytes for the same past, and after being restored', () => {
    const bytes = played().snapshot();
    expect(Buffer.compare(played().snapshot(), bytes)).toBe(0);
    expect(Buffer.compare(restoreFeatureState(definition, bytes).snapshot(), bytes)).toBe(0);
  });

  test('holds the outcomes that wait', () => {
    const waiting = played().sizes();
    expect(waiting.get('shown')!.waiting).toBeGreaterThan(0);
    expect(restoreFeatureState(definition, played().snapshot()).sizes()).toEqual(waiting);
  });

  test('of another definition is refused', () => {
    const bytes = played().snapshot();
    expect(() => restoreFeatureState(counting(undefined), bytes)).toThrow(WatchnextError);
  });

  test('is refused when any byte of it is damaged', () => {
    const bytes = played().snapshot();
    for (let i = 0; i < bytes.length; i += 311) {
      const damaged = bytes.slice();
      damaged[i]! ^= 0x10;
      expect(() => restoreFeatureState(definition, damaged)).toThrow(WatchnextError);
    }
    expect(() => restoreFeatureState(definition, bytes.subarray(0, 64))).toThrow(WatchnextError);
  });
});

test('cells unseen since a time can be dropped, the others stay', () => {
  const definition = counting(undefined);
  const state = createFeatureState(definition);
  state.observe([outcome(start, {}, { user: { user_id: 'old' } }), outcome(start + dayMs, {})]);
  state.advance(start + 2 * dayMs);
  expect(state.expire(start + 1)).toBe(1);
  expect(state.sizes().get('shown')!.cells).toBe(1);
  expect(seen(definition, state, start + 2 * dayMs)).toBe(1);
});
