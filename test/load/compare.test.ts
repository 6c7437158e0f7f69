import { describe, expect, test } from '@jest/globals';
import { compareRounds, comparisonTable } from '../../load-tests/compare/index.js';

const pair = (base: Record<string, number>, here: Record<string, number>) => ({ base, here });

describe('a comparison', () => {
  test('takes ratios round by round, and their median and spread', () => {
    const [p99] = compareRounds([
      pair({ p99Ms: 10 }, { p99Ms: 9 }),
      pair({ p99Ms: 20 }, { p99Ms: 16 }),
      pair({ p99Ms: 40 }, { p99Ms: 20 }),
    ]);
    expect(p99).toMatchObject({ measure: 'p99Ms', baseMedian: 20, hereMedian: 16 });
    expect(p99).toMatchObject({ ratioMedian: 0.8, ratioLeast: 0.5, ratioMost: 0.9, differs: true });
  });

  test('tells nothing apart that is now above and now below', () => {
    const [found] = compareRounds([pair({ x: 10 }, { x: 11 }), pair({ x: 10 }, { x: 9 })]);
    expect(found?.differs).toBe(false);
    expect(comparisonTable([found!]).rows[0]?.at(-1)).toBe('cannot be told apart');
  });

  test('is of measures that both have in every round', () => {
    const found = compareRounds([
      pair({ a: 1, b: 2, c: NaN }, { a: 1, c: 1 }),
      pair({ a: 2, b: 1, c: 1 }, { a: 3, b: 1, c: 1 }),
    ]);
    expect(found.map(({ measure }) => measure)).toEqual(['a']);
  });

  test('calls nothing and nothing the same, and something against nothing endless', () => {
    const [failed] = compareRounds([pair({ failed: 0 }, { failed: 0 }), pair({ failed: 0 }, { failed: 3 })]);
    expect(failed?.ratios).toEqual([1, Infinity]);
    expect(compareRounds([])).toEqual([]);
  });
});
