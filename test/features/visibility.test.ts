import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createFeatureReader,
  createFeatureState,
  hashId,
  restoreFeatureState,
  type FeatureState,
} from '../../src/features/index.js';
import { outcome, ranker, request, start } from './platform.js';

const minuteMs = 60_000;
const users = ['u0', 'u1', 'u2', 'u3'];
const remembering = (delay: string) =>
  ranker({
    features: {
      watched: { kind: 'history', scope: 'user', of: 'item_id', last: 3, dim: 2 },
      rate: { kind: 'rate', scope: 'user', key: 'user_id', of: 'watch' },
    },
    tasks: { watch: { group: 'engagement', kind: 'regression', label: 'watch' } },
    training: { feedback_delay: delay },
  });

interface Told {
  readonly user: string;
  readonly item: string;
  readonly watch: number;
  readonly time: number;
}

/** What a read sees of a user: the ids of the history, the sum and number of what was watched. */
const read = (definition: ReturnType<typeof remembering>, state: FeatureState, user: string, time: number) => {
  const { columns } = createFeatureReader({ definition, state }).read([request({ time, user: { user_id: user } })]);
  const [watched, rate] = [columns.get('watched'), columns.get('rate')];
  return {
    history: watched?.type === 'keys' ? [...watched.keys] : [],
    rate: rate?.type === 'numbers' ? [...rate.values] : [],
  };
};

/** The same from the list of all that was told, gone through from its beginning. */
const expected = (told: readonly Told[], user: string, visible: (told: Told) => boolean) => {
  const seen = told.filter((each) => each.user === user && visible(each));
  return {
    history: seen.slice(-3).flatMap(({ item }) => [...hashId(item)]),
    rate: [seen.reduce((sum, { watch }) => sum + watch, 0), seen.length].map(Math.fround),
  };
};

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      user: fc.constantFrom(...users),
      watch: fc.constantFrom(0.1, 0.7, 1 / 3, 1e9),
      /** Mostly now, sometimes late, sometimes by a clock that is ahead. */
      offset: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -150, max: 150 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ minutes: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ readOf: fc.constantFrom(...users) }) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

describe.each(['0s', '1h'])('with a feedback delay of %s', (delay) => {
  const definition = remembering(delay);
  const hourMs = 60 * minuteMs;
  const visibleAt = (now: number) => (told: Told) =>
    delay === '0s' ? told.time < now : Math.floor(told.time / hourMs) < Math.floor(now / hourMs);

  test('a read sees what may be seen, in the order in which it was told, to the bit', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let state = createFeatureState(definition);
        let now = start;
        const told: Told[] = [];
        const check = (user: string): void =>
          expect(read(definition, state, user, now)).toEqual(expected(told, user, visibleAt(now)));
        for (const each of steps) {
          if (each === 'restart') state = restoreFeatureState(definition, state.snapshot());
          else if ('minutes' in each) state.advance((now += each.minutes * minuteMs));
          else if ('readOf' in each) check(each.readOf);
          else {
            const { user, watch, offset } = each;
            const made = { user, watch, item: `i${told.length}`, time: now + offset * minuteMs };
            told.push(made);
            const fields = { user: { user_id: user }, candidate: { item_id: made.item } };
            state.observe([outcome(made.time, { watch }, fields)]);
          }
        }
        users.forEach(check);
        now += 400 * minuteMs;
        users.forEach(check);
      }),
      { seed: 12, numRuns: 300 },
    );
  });

  test('snapshots do not tell who read what in between', () => {
    const played = (reads: boolean): Uint8Array => {
      const state = createFeatureState(definition);
      for (let i = 0; i < 2000; i++) {
        const time = start + i * minuteMs;
        state.advance(time);
        if (reads) read(definition, state, `u${(i * 7) % 500}`, time);
        state.observe([outcome(time, { watch: i }, { user: { user_id: `u${(i * i) % 500}` } })]);
      }
      return state.snapshot();
    };
    expect(Buffer.compare(played(true), played(false))).toBe(0);
  });
});

describe('when many outcomes become visible at one moment', () => {
  const definition = remembering('1h');
  const hour = start + 60 * minuteMs;
  const crowd = (size: number): FeatureState => {
    const state = createFeatureState(definition);
    state.observe(
      Array.from({ length: size }, (_, i) => outcome(start + 1, { watch: 2 }, { user: { user_id: `u${i}` } })),
    );
    return state;
  };
  /** How many cells hold something, looked at from outside. */
  const filled = (state: FeatureState): number => {
    const { values, stride, size } = state.cells('rate')!;
    return Array.from({ length: size }, (_, row) => values[row * stride + 2]).filter((n) => n === 1).length;
  };

  test('a few cells change at once, and every read sees them all the same', () => {
    const state = crowd(10_000);
    state.advance(hour - 1);
    expect(filled(state)).toBe(0);
    state.advance(hour);
    expect(filled(state)).toBeLessThan(300);
    for (const user of ['u9999', 'u0', 'u5000']) expect(read(definition, state, user, hour).rate).toEqual([2, 1]);
    expect(filled(state)).toBeLessThan(1500);
  });

  test('the others follow with what is told next, though nobody asks for them', () => {
    const state = crowd(1000);
    state.advance(hour);
    state.observe(Array.from({ length: 500 }, () => outcome(hour + 1, { watch: 2 }, { user: { user_id: 'new' } })));
    expect(filled(state)).toBe(1000);
  });

  test('what waits grows with keys, not with outcomes', () => {
    const state = crowd(10);
    const before = state.snapshot().length;
    const again = Array.from({ length: 10_000 }, (_, i) =>
      outcome(start + 2, { watch: 2 }, { user: { user_id: `u${i % 10}` } }),
    );
    state.observe(again);
    expect(state.sizes().get('rate')).toEqual({ cells: 10, waiting: 10 });
    expect(state.snapshot().length).toBe(before);
  });
});

test('a key that waits is not forgotten, however old its cell is', () => {
  const definition = remembering('1h');
  const state = createFeatureState(definition);
  const of = (user: string, time: number) => outcome(time, { watch: 2 }, { user: { user_id: user } });
  state.observe([of('old', start), of('back', start)]);
  state.advance(start + 100 * 60 * minuteMs);
  state.observe([of('back', start + 100 * 60 * minuteMs)]);
  // A history and a rate of one of them.
  expect(state.expire(start + 50 * 60 * minuteMs)).toBe(2);
  expect(read(definition, state, 'back', start + 100 * 60 * minuteMs).rate).toEqual([2, 1]);
  expect(read(definition, state, 'back', start + 101 * 60 * minuteMs).rate).toEqual([4, 2]);
  expect(read(definition, state, 'old', start + 101 * 60 * minuteMs).rate).toEqual([0, 0]);
});

test('rows that change a rate alike are added one after the other, as sums of floats are rounded', () => {
  const definition = remembering('1h');
  const state = createFeatureState(definition);
  state.observe(Array.from({ length: 300 }, () => outcome(start, { watch: 0.1 })));
  let sum = 0;
  for (let i = 0; i < 300; i++) sum += 0.1;
  expect(sum).not.toBe(300 * 0.1);
  read(definition, state, 'u', start + 60 * minuteMs);
  const { values, size } = state.cells('rate')!;
  expect([size, ...values.subarray(0, 3)]).toEqual([1, start, sum, 300]);
});
