import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { combine, scorePart } from '../../src/policy/index.js';
import { topRows } from '../../src/policy/index.js';

describe('the combined score', () => {
  test('is the product of head values to the power of their weights', () => {
    const heads = Float32Array.of(0.5, 4, 0.25, 9);
    const scores = combine(heads, { form: 'product', weights: [1, 0.5] });
    expect(scores[0]).toBeCloseTo(0.5 * 2, 6);
    expect(scores[1]).toBeCloseTo(0.25 * 3, 6);
  });

  test('is the weighted sum in the sum form, negative weights included', () => {
    expect([...combine(Float32Array.of(0.5, 4), { form: 'sum', weights: [2, -0.25] })]).toEqual([0]);
  });

  test('does not vanish when one head is zero', () => {
    const [low, lower] = combine(Float32Array.of(0.5, 0, 0.25, 0), { form: 'product', weights: [1, 1] });
    expect(low).toBeGreaterThan(lower!);
    expect(lower).toBeGreaterThan(0);
  });

  test('ignores the value of a head that weighs nothing, yet not that it is missing', () => {
    const scores = combine(Float32Array.of(0.5, 7, 0.5, NaN), { form: 'product', weights: [1, 0] });
    expect(scores[0]).toBeCloseTo(0.5, 6);
    expect(scores[1]).toBeNaN();
  });

  test('is missing, never infinite, when it overflows', () => {
    expect(combine(Float32Array.of(1e38), { form: 'product', weights: [10] })[0]).toBeNaN();
  });

  test('is what its parts say', () => {
    const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    const weight = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(share, weight), { minLength: 1, maxLength: 6 }), (pairs) => {
        const heads = Float32Array.from(pairs, ([value]) => value);
        const weights = pairs.map(([, each]) => each);
        const product = combine(heads, { form: 'product', weights })[0]!;
        const parts = weights.map((each, task) => scorePart('product', each, heads[task]!));
        expect(Math.log(product)).toBeCloseTo(
          parts.reduce((sum, part) => sum + part, 0),
          6,
        );
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});

describe('the order', () => {
  const score = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true }), fc.constant(NaN));

  test('equals a full stable sort cut to the limit, unscored rows last', () => {
    fc.assert(
      fc.property(fc.array(score, { maxLength: 120 }), fc.integer({ min: 0, max: 130 }), (list, limit) => {
        const scored = list.map((value, row) => ({ value, row })).filter(({ value }) => !Number.isNaN(value));
        scored.sort((a, b) => b.value - a.value || a.row - b.row);
        const unscored = list.map((_, row) => row).filter((row) => Number.isNaN(list[row]));
        const expected = [...scored.map(({ row }) => row), ...unscored].slice(0, limit);
        expect([...topRows(Float64Array.from(list), limit)]).toEqual(expected);
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});
