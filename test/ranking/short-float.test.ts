import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shortFloat } from '../../src/ranking/short-float.js';

const float32 = (value: number): number => Math.fround(value);

/** The other way to find it: print with more and more digits until it reads back. */
const shortestByPrinting = (value: number): number => {
  for (let digits = 1; digits <= 9; digits++) {
    const printed = Number(value.toPrecision(digits));
    if (float32(printed) === value) return printed;
  }
  return value;
};

describe('the shortest decimal of a float32', () => {
  test('says what was meant before it became a float32', () => {
    for (const meant of [0.1, 0.7, 0.1234567, 12.7, 59.28, 0.003409, 99999.9, 5, 0.000001234])
      expect(JSON.stringify(shortFloat(float32(meant)))).toBe(JSON.stringify(meant));
  });

  test('is the same float32 again, and as short as printing finds it', () => {
    const values = fc.float({ min: float32(1.1e-6), max: float32(999_999), noNaN: true });
    fc.assert(
      fc.property(values, fc.boolean(), (size, negative) => {
        const value = negative ? -size : size;
        const short = shortFloat(value);
        expect(float32(short)).toBe(value);
        expect(JSON.stringify(short).length).toBe(JSON.stringify(shortestByPrinting(value)).length);
      }),
      { seed: 11, numRuns: 3000 },
    );
  });

  test('leaves alone what is beyond it', () => {
    for (const value of [0, -0, NaN, Infinity, float32(1e-9), float32(3e12), float32(1_234_567.9)])
      expect(Object.is(shortFloat(value), value)).toBe(true);
  });
});
