import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evaluate, fitNumber, fitSize, recordingSizes, sizeText } from '../../training/compile/sizes.js';

const runs = recordingSizes(['rows', 'requests']);
const at = (of: (rows: number, requests: number) => number): number[] =>
  runs.map(({ rows, requests }) => of(rows!, requests!));

describe('sizes', () => {
  test('are recorded at distinct primes, once more than a formula has unknowns', () => {
    const all = runs.flatMap((sizes) => Object.values(sizes));
    expect(runs).toHaveLength(4);
    expect(new Set(all).size).toBe(all.length);
    for (const prime of all) for (let factor = 2; factor < prime; factor++) expect(prime % factor).not.toBe(0);
  });

  test.each<[string, (rows: number, requests: number) => number]>([
    ['7', () => 7],
    ['rows', (rows) => rows],
    ['8*rows', (rows) => 8 * rows],
    ['rows + -1', (rows) => rows - 1],
    ['requests + rows', (rows, requests) => rows + requests],
    ['3*requests + rows + 5', (rows, requests) => rows + 3 * requests + 5],
    ['requests*rows', (rows, requests) => rows * requests],
    ['rows*rows + rows', (rows) => rows * rows + rows],
  ])('%s is found from its values', (text, of) => {
    const size = fitSize(at(of), runs)!;
    expect(sizeText(size)).toBe(text);
    expect(evaluate(size, { rows: 1000, requests: 77 })).toBe(of(1000, 77));
  });

  test('the share of one among many and multiples of it are found in float32', () => {
    const numbers = (of: (rows: number, requests: number) => number) => fitNumber(at(of).map(Math.fround), runs);
    expect(numbers((rows) => 1 / rows)).toEqual({
      size: [{ coefficient: 1, factors: ['rows'] }],
      scale: expect.closeTo(1, 5),
      inverse: true,
    });
    expect(numbers((rows, requests) => 0.3 * rows * requests)?.scale).toBeCloseTo(0.3, 5);
  });

  test('what no formula explains is not explained', () => {
    expect(
      fitSize(
        at((rows) => Math.ceil(rows / 2)),
        runs,
      ),
    ).toBeUndefined();
    fc.assert(
      fc.property(fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }), (values) => {
        fc.pre(new Set(values).size === 4);
        return fitNumber(values, runs) === undefined;
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
