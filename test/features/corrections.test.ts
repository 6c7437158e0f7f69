import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FeatureDefinition } from '../../src/definition/index.js';
import {
  createFeatureReader,
  createFeatureState,
  fieldsOfState,
  hashId,
  type Labels,
  type Outcome,
} from '../../src/features/index.js';
import { dayMs, outcome, ranker, request, start } from './platform.js';
import { everyKind } from './world.js';

const hourMs = 3_600_000;

/** What the feature reads for user u and item i at a time, after these outcomes. */
function readAfter(feature: FeatureDefinition, outcomes: readonly Outcome[], time: number): number[] {
  const definition = ranker({ features: { f: feature } });
  const state = createFeatureState(definition);
  state.observe(outcomes);
  const input = request({ time, user: { user_id: 'u' }, candidates: [{ item_id: 'i' }] });
  const column = createFeatureReader({ definition, state }).read([input]).columns.get('f')!;
  return column.type === 'numbers' ? [...column.values] : [...column.keys];
}

const corrected = (time: number, labels: Labels, before: Labels, since?: number): Outcome => ({
  ...outcome(time, labels),
  before,
  ...(since === undefined ? {} : { since }),
});

const nothing = { click: 0, watch: Number.NaN };
const kinds: Readonly<Record<string, FeatureDefinition>> = {
  'a rate': { kind: 'rate', scope: 'candidate', key: 'item_id', of: ['click', 'watch'] },
  'a decayed rate': { kind: 'rate', scope: 'candidate', key: 'item_id', of: ['watch', 'click'], half_life: '1h' },
  'a count of impressions': { kind: 'count', scope: 'candidate', key: 'item_id' },
  'a decayed count of impressions': { kind: 'count', scope: 'candidate', key: 'item_id', half_life: '1h' },
  'a count of positives': { kind: 'count', scope: 'candidate', key: 'item_id', of: 'click' },
  'a decayed count of positives': { kind: 'count', scope: 'candidate', key: 'item_id', of: 'click', half_life: '1h' },
  'a history of positives': { kind: 'history', scope: 'user', of: 'item_id', on: 'click', dim: 2 },
  'a history of impressions': { kind: 'history', scope: 'user', of: 'item_id', dim: 2 },
};

describe.each(Object.entries(kinds))('%s', (_, feature) => {
  test('is the same, exactly, whether a click is known at once or corrected at the same time', () => {
    const other = outcome(start - 5, { click: 1, watch: 3 });
    const labels = { click: 1, watch: 9 };
    expect(
      readAfter(feature, [other, outcome(start, nothing), corrected(start, labels, nothing)], start + hourMs),
    ).toEqual(readAfter(feature, [other, outcome(start, labels)], start + hourMs));
  });

  test('is the same in whatever steps the labels become known', () => {
    const step = fc.record({ click: fc.constantFrom(0, 1), watch: fc.constantFrom(Number.NaN, 0, 7) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        // Binary labels never go back: once clicked stays clicked.
        const path: Labels[] = [nothing];
        for (const { click, watch } of steps) {
          const last = path.at(-1)!;
          path.push({ click: Math.max(click, last['click']!), watch: Number.isNaN(watch) ? last['watch']! : watch });
        }
        const outcomes = path.map((labels, i) =>
          i === 0 ? outcome(start, labels) : corrected(start, labels, path[i - 1]!),
        );
        const whole = readAfter(feature, [outcome(start, path.at(-1)!)], start + hourMs);
        readAfter(feature, outcomes, start + hourMs).forEach((value, i) => expect(value).toBeCloseTo(whole[i]!, 5));
      }),
      { seed: 3, numRuns: 50 },
    );
  });

  test('does not change with a correction that says the same again', () => {
    const labels = { click: 1, watch: 9 };
    const outcomes = [outcome(start, labels)];
    expect(readAfter(feature, [...outcomes, corrected(start + 5, labels, labels)], start + hourMs)).toEqual(
      readAfter(feature, outcomes, start + hourMs),
    );
  });
});

test('feedback that comes late weighs in a decayed rate as its row does, so a certain click stays a rate of one', () => {
  const feature = kinds['a decayed rate']!;
  const late = corrected(start + 3 * hourMs, { click: 1 }, { click: 0 }, start);
  const [, clicks, , shown] = readAfter(feature, [outcome(start, { click: 0 }), late], start + 4 * hourMs);
  expect(clicks).toBeCloseTo(2 ** -4, 12);
  expect(shown).toBeCloseTo(2 ** -4, 12);
});

test('a correction is seen from its own time on, not from the time of its row', () => {
  const feature = kinds['a count of positives']!;
  const outcomes = [outcome(start, nothing), corrected(start + hourMs, { click: 1 }, nothing, start)];
  expect(readAfter(feature, outcomes, start + hourMs)).toEqual([0]);
  expect(readAfter(feature, outcomes, start + hourMs + 1)).toEqual([1]);
});

test('a value that awaits a click counts from the click on', () => {
  const feature = kinds['a rate']!;
  const watched = corrected(start + 1, { click: 0, watch: 9 }, nothing);
  const clicked = corrected(start + 2, { click: 1, watch: 9 }, { click: 0, watch: 9 });
  const before = readAfter(feature, [outcome(start, nothing), watched], start + 5);
  const after = readAfter(feature, [outcome(start, nothing), watched, clicked], start + 5);
  expect(before).toEqual([0, 0, 1, 0]);
  expect(after).toEqual([1, Math.fround(Math.log(10)), 1, 1]);
});

test('a history holds an id once, in the order in which outcomes turned positive', () => {
  const of = (item: string, event: Outcome): Outcome => ({ ...event, candidate: { item_id: item } });
  const outcomes = [
    of('a', outcome(start, nothing)),
    of('b', outcome(start, nothing)),
    of('b', corrected(start + 1, { click: 1 }, nothing)),
    of('a', corrected(start + 2, { click: 1 }, nothing)),
    of('b', corrected(start + 3, { click: 1, watch: 5 }, { click: 1 })),
  ];
  expect(readAfter(kinds['a history of positives']!, outcomes, start + dayMs)).toEqual(
    ['b', 'a'].flatMap((id) => hashId(id)),
  );
});

test('state looks at the fields that its features name, and at none without stateful features', () => {
  expect([...fieldsOfState(everyKind())].sort()).toEqual(['author', 'item_id', 'user_id']);
  const plain = ranker({ features: { f: { kind: 'number', scope: 'candidate', from: 'length' } } });
  expect(fieldsOfState(plain).size).toBe(0);
});
