import { describe, expect, test } from '@jest/globals';
import { mixSeeds, permutation, SeededRandom } from '../../training/fit/random.js';

describe('seeded randomness', () => {
  test('gives the same sequence for the same seeds on every machine', () => {
    const random = new SeededRandom(1, 2);
    // Pinned: a checkpoint of yesterday must go on today.
    expect([random.next(), random.next(), random.next()]).toMatchInlineSnapshot(`
     [
       967585146,
       2257585927,
       767747511,
     ]
    `);
  });

  test('is uniform enough: chi-squared over 64 bins of 64,000 draws', () => {
    const random = new SeededRandom(42);
    const bins = new Array<number>(64).fill(0);
    for (let i = 0; i < 64_000; i++) bins[random.below(64)]!++;
    const chiSquared = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 99.9 % of fair sources lie between these, 63 degrees of freedom.
    expect(chiSquared).toBeGreaterThan(31);
    expect(chiSquared).toBeLessThan(104);
  });

  test('neighbouring seeds and orders of seeds have nothing in common', () => {
    const seeds = [mixSeeds(1), mixSeeds(2), mixSeeds(1, 2), mixSeeds(2, 1), mixSeeds(1, 2, 0), mixSeeds(2 ** 32 + 1)];
    expect(new Set(seeds).size).toBe(seeds.length);
    const first = Array.from({ length: 1000 }, (_, seed) => new SeededRandom(seed).next());
    expect(new Set(first).size).toBeGreaterThan(998);
  });

  test('a permutation holds everything once', () => {
    const order = permutation(1000, new SeededRandom(9));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...order.slice(0, 5)]).not.toEqual([0, 1, 2, 3, 4]);
  });
});
