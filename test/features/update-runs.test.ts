import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bitsOf, UpdateRuns } from '../../src/features/state/update-runs.js';
import { createFeatureReader, createFeatureState } from '../../src/features/index.js';
import { outcome, ranker, request, start } from './platform.js';

const told = (runs: UpdateRuns, width: number): number[][] => {
  const all: number[][] = [];
  runs.each(({ time, high, low, count, update, at }) => {
    for (let i = 0; i < count; i++) all.push([time, high, low, ...update.subarray(at, at + width)]);
  });
  return all;
};
const add = (runs: UpdateRuns, [time = 0, high = 0, low = 0, ...update]: readonly number[]): void =>
  runs.add({ time, high, low, count: 1, bits: bitsOf(Float64Array.from(update)), at: 0 });
const bytesAfter = (lists: number, rows: number, keyOf: (list: number, row: number) => number): number => {
  const runs = new UpdateRuns(10);
  const nothing = new Float64Array(10).fill(1, 5);
  const run = { time: 0, high: 0, low: 0, count: 1, bits: bitsOf(nothing), at: 0 };
  for (let list = 0; list < lists; list++)
    for (let row = 0; row < rows; row++) runs.add({ ...run, time: list, low: keyOf(list, row) });
  expect(runs.size).toBe(lists * rows);
  return runs.byteLength;
};

describe('changes that wait', () => {
  test('come out one by one as they were told, however often they were alike', () => {
    const few = fc.constantFrom(0, 1, -0, 0.1, Number.NaN);
    const changes = fc.array(fc.tuple(fc.nat(2), fc.nat(1), fc.nat(1), few, few), { maxLength: 60 });
    fc.assert(
      fc.property(changes, (wanted) => {
        const runs = new UpdateRuns(2);
        for (const change of wanted) add(runs, change);
        expect(told(runs, 2)).toEqual(wanted);
        expect(runs.size).toBe(wanted.length);
        runs.clear();
        expect([told(runs, 2), runs.size]).toEqual([[], 0]);
        add(runs, [7, 1, 1, 2, 3]);
        expect(told(runs, 2)).toEqual([[7, 1, 1, 2, 3]]);
      }),
    );
  });

  test('take a few bytes a list where all its rows change the same cell, and some 24 a row where each has its own', () => {
    expect(bytesAfter(1000, 200, (list) => list % 50)).toBeLessThan(1000 * 24 * 1.5 + 1000);
    // As numbers they would be 104.
    expect(bytesAfter(1000, 200, (_, row) => row)).toBeLessThan(1000 * 200 * 24 * 1.5 + 1000);
  });

  test('leave no memory behind when many are forgotten', () => {
    const runs = new UpdateRuns(1);
    for (let i = 0; i < 100_000; i++) add(runs, [i, 0, i, i]);
    expect(runs.byteLength).toBeGreaterThan(3_000_000);
    runs.clear();
    expect(runs.byteLength).toBe(0);
  });
});

test('rows that change a rate alike are added one after the other, as sums of floats are rounded', () => {
  const definition = ranker({
    features: { user_watch: { kind: 'rate', scope: 'user', key: 'user_id', of: 'watch', feedback_delay: '1h' } },
    tasks: { watch: { group: 'engagement', kind: 'regression', label: 'watch' } },
  });
  const state = createFeatureState(definition);
  state.observe(Array.from({ length: 300 }, () => outcome(start, { watch: 0.1 })));
  let sum = 0;
  for (let i = 0; i < 300; i++) sum += 0.1;
  const later = request({ time: start + 3_600_000, user: { user_id: 'u' } });
  createFeatureReader({ definition, state }).read([later]);
  const { keys, values } = state.cells('user_watch')!.rows();
  expect(sum).not.toBe(300 * 0.1);
  expect([keys.length / 2, ...values]).toEqual([1, start, sum, 300]);
});
