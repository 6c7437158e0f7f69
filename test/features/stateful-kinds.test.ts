import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FeatureDefinition, FeatureOf } from '../../src/definition/index.js';
import {
  createEncoder,
  createFeatureCounters,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  hashId,
  type FeatureBatch,
  type FeatureState,
  type Outcome,
} from '../../src/features/index.js';
import { dayMs, outcome, ranker, request, start } from './platform.js';

const one = (feature: FeatureDefinition): ReturnType<typeof ranker> => ranker({ features: { f: feature } });

/** What the feature reads for user u and item i at a time, after these outcomes. */
function readAfter(feature: FeatureDefinition, outcomes: readonly Outcome[], time: number): number[] {
  const definition = one(feature);
  const state = createFeatureState(definition);
  state.observe(outcomes);
  return valuesAt(feature, state, time);
}

function valuesAt(feature: FeatureDefinition, state: FeatureState, time: number): number[] {
  const input = request({ time, user: { user_id: 'u' }, candidates: [{ item_id: 'i', author: 'a' }] });
  const column = createFeatureReader({ definition: one(feature), state })
    .read([input])
    .columns.get('f')!;
  return column.type === 'numbers' ? [...column.values] : [...column.keys];
}

describe('rate', () => {
  const itemRate: FeatureOf<'rate'> = { kind: 'rate', scope: 'candidate', key: 'item_id', of: ['click', 'watch'] };

  test('reads sums and numbers of known outcomes per task; masked and unknown ones change nothing', () => {
    const outcomes = [
      outcome(start, { click: 1, watch: 9 }),
      outcome(start + 1, { click: 0, watch: 500 }), // no click: watch is masked, whatever it says
      outcome(start + 2, { click: 1 }),
      outcome(start + 3, {}),
      outcome(start + 4, { click: 1, watch: 9 }, { candidate: { item_id: 'other' } }),
    ];
    const [clicks, watch, clickCount, watchCount] = readAfter(itemRate, outcomes, start + 10);
    expect([clicks, clickCount, watchCount]).toEqual([2, 3, 1]);
    expect(watch).toBeCloseTo(Math.log(10), 6);
  });

  test('decays as the closed form says, whatever order the outcomes arrive in', () => {
    const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 10 * dayMs }), fc.constantFrom(0, 1)), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(events, (list) => {
        const now = start + 11 * dayMs;
        const left = (at: number): number => Math.exp((-Math.LN2 * (now - start - at)) / (2 * dayMs));
        const expected = [
          list.reduce((sum, [at, click]) => sum + click * left(at), 0),
          list.reduce((sum, [at]) => sum + left(at), 0),
        ];
        const feature = { ...itemRate, of: 'click', half_life: '2d' } as const;
        const actual = readAfter(
          feature,
          list.map(([at, click]) => outcome(start + at, { click })),
          now,
        );
        actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test('is exactly zero after 64 half-lives, so that faded cells may be dropped unseen', () => {
    const feature = { ...itemRate, of: 'click', half_life: '1h' } as const;
    const outcomes = [outcome(start, { click: 1 })];
    expect(readAfter(feature, outcomes, start + 64 * 3_600_000)[1]).toBeGreaterThan(0);
    expect(readAfter(feature, outcomes, start + 64 * 3_600_000 + 1)).toEqual([0, 0]);
  });

  test('can be keyed by two fields of different owners', () => {
    const feature: FeatureOf<'rate'> = { kind: 'rate', scope: 'candidate', key: ['user_id', 'author'], of: 'click' };
    const shown = (user: string, author: string): Outcome =>
      outcome(start, { click: 1 }, { user: { user_id: user }, candidate: { author } });
    const outcomes = [shown('u', 'a'), shown('u', 'a'), shown('u', 'b'), shown('a', 'u')];
    expect(readAfter(feature, outcomes, start + 1)).toEqual([2, 2]);
  });

  test('without a key knows nothing and counts it as missing', () => {
    const definition = one(itemRate);
    const counters = createFeatureCounters(definition);
    const state = createFeatureState(definition);
    const batch = createFeatureReader({ definition, state, counters }).read([request({ candidates: [{}] })]);
    expect(batch.columns.get('f')).toMatchObject({ values: Float32Array.of(0, 0, 0, 0) });
    expect(counters.get('f')!.missing).toBe(1);
  });

  describe('encoded', () => {
    const definition = one({ ...itemRate, prior: 4 });
    /** Rows of [click sum, watch sum, click n, watch n]. */
    const rows = [
      [2, 3, 4, 2],
      [0, 0, 0, 0],
      [9, 20, 10, 9],
      [0, 0, 6, 0],
    ];
    const batchOf = (list: readonly (readonly number[])[]): FeatureBatch => ({
      requests: 1,
      rows: list.length,
      requestOf: new Int32Array(list.length),
      columns: new Map([
        [
          'f',
          { side: 'candidate' as const, type: 'numbers' as const, width: 4, values: Float32Array.from(list.flat()) },
        ],
      ]),
    });
    const fitted = (() => {
      const fitter = createTransformFitter(definition);
      fitter.observe(batchOf(rows));
      return fitter.finish();
    })();

    test('the overall rate is the one that smoothing leaves unchanged on average', () => {
      const [click, watch] = fitted.features['f']!['overall']!;
      const smoothed = (sum: number, n: number, overall: number): number => (sum + 4 * overall) / (n + 4);
      const mean = (list: number[]): number => list.reduce((a, b) => a + b) / list.length;
      expect(mean(rows.map((row) => smoothed(row[0]!, row[2]!, click!)))).toBeCloseTo(click!, 10);
      expect(mean(rows.map((row) => smoothed(row[1]!, row[3]!, watch!)))).toBeCloseTo(watch!, 10);
    });

    test('is, per column, a standardised logit, a standardised mean and a standardised log count', () => {
      const { candidate } = createEncoder({ definition, parameters: fitted, tables: new Map() }).encode(batchOf(rows));
      const [click, watch] = fitted.features['f']!['overall']!;
      const logit = (p: number): number => Math.log(p / (1 - p));
      const plain = rows.map(([c, w, n, m]) => [
        logit((c! + 4 * click!) / (n! + 4)),
        (w! + 4 * watch!) / (m! + 4),
        Math.log(1 + Math.max(n!, m!)),
      ]);
      for (let column = 0; column < 3; column++) {
        const list = plain.map((row) => row[column]!);
        const mean = list.reduce((a, b) => a + b) / 4;
        const deviation = Math.sqrt(list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 4);
        list.forEach((x, row) => expect(candidate[row * 3 + column]).toBeCloseTo((x - mean) / deviation, 4));
      }
    });

    test('stays finite for rates of 0 and 1', () => {
      const encoder = createEncoder({ definition, parameters: fitted, tables: new Map() });
      const { candidate } = encoder.encode(
        batchOf([
          [1e9, 0, 1e9, 0],
          [0, 0, 1e9, 0],
        ]),
      );
      expect(candidate.every((x) => Number.isFinite(x))).toBe(true);
    });
  });
});

describe('count', () => {
  test('counts impressions, or the positives of a task', () => {
    const outcomes = [outcome(start, { click: 1 }), outcome(start + 1, { click: 0 }), outcome(start + 2, {})];
    const feature = { kind: 'count', scope: 'candidate', key: 'item_id' } as const;
    expect(readAfter(feature, outcomes, start + 5)).toEqual([3]);
    expect(readAfter({ ...feature, of: 'click' }, outcomes, start + 5)).toEqual([1]);
  });

  test('decays by half in a half-life', () => {
    const feature = { kind: 'count', scope: 'candidate', key: 'item_id', half_life: '1d' } as const;
    expect(readAfter(feature, [outcome(start, {}), outcome(start, {})], start + dayMs)).toEqual([1]);
  });
});

describe('history', () => {
  const feature = { kind: 'history', scope: 'user', of: 'item_id', on: 'click', last: 3, dim: 2 } as const;
  const met = (i: number, click: number): Outcome => outcome(start + i, { click }, { candidate: { item_id: `v${i}` } });

  test('remembers the last positives, the newest last', () => {
    const outcomes = [met(1, 1), met(2, 0), met(3, 1), met(4, 1), met(5, Number.NaN), met(6, 1)];
    expect(readAfter(feature, outcomes, start + 10)).toEqual(['v3', 'v4', 'v6'].flatMap((id) => hashId(id)));
    expect(readAfter(feature, outcomes.slice(0, 3), start + 10)).toEqual(['v1', 'v3'].flatMap((id) => hashId(id)));
  });

  test('remembers every impression without a task, and nothing of other users', () => {
    const every = { kind: 'history', scope: 'user', of: 'item_id', last: 3, dim: 2 } as const;
    const other = outcome(start, {}, { user: { user_id: 'other' } });
    expect(readAfter(every, [met(1, 0), other, met(2, 0)], start + 10)).toEqual(
      ['v1', 'v2'].flatMap((id) => hashId(id)),
    );
  });

  test('is an empty bag for a new user, and is missing without one', () => {
    const definition = one(feature);
    const counters = createFeatureCounters(definition);
    const state = createFeatureState(definition);
    const batch = createFeatureReader({ definition, state, counters }).read([
      request({ user: { user_id: 'new' } }),
      request({ user: {} }),
    ]);
    expect(batch.columns.get('f')).toMatchObject({ offsets: Int32Array.of(0, 0, 0) });
    expect(counters.get('f')).toEqual({ missing: 1, unknown: 0, outOfRange: 0 });
  });

  test('keeps each user’s own list among many users', () => {
    const definition = one(feature);
    const state = createFeatureState(definition);
    for (let round = 0; round < 5; round++) {
      state.observe(
        Array.from({ length: 200 }, (_, user) =>
          outcome(start + round, { click: 1 }, { user: { user_id: user }, candidate: { item_id: `${user}/${round}` } }),
        ),
      );
    }
    const reader = createFeatureReader({ definition, state });
    for (const user of [0, 57, 199]) {
      const batch = reader.read([request({ time: start + 9, user: { user_id: user } })]);
      const ids = [2, 3, 4].flatMap((round) => hashId(`${user}/${round}`));
      expect(batch.columns.get('f')).toMatchObject({ keys: Uint32Array.from(ids) });
    }
  });
});
