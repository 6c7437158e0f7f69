import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  areaDifference,
  areaUnderCurve,
  calibrationBins,
  calibrationError,
  calibrationRatio,
  groupedAreaUnderCurve,
  logLoss,
  meanAbsoluteError,
  meanSquaredError,
  ndcg,
  normalisedEntropy,
  pairwiseAccuracy,
} from '../../training/metrics/index.js';

const floats = (...values: number[]): Float64Array => Float64Array.from(values);
const level = fc.integer({ min: 0, max: 6 });

describe('the difference of two AUCs on the same rows', () => {
  // Linear congruential, as below: numbers that look random and are the same everywhere.
  const source = (seed: number) => {
    let state = seed;
    const uniform = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    return (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  };

  test('is what its name says, and nothing for a scoring against itself', () => {
    const normal = source(3);
    const labels = Float64Array.from({ length: 60 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    const [scores, others] = [labels.map((y) => y + normal()), labels.map((y) => y / 2 + normal())];
    const { value } = areaDifference({ scores, others }, labels);
    expect(value).toBeCloseTo(areaUnderCurve(scores, labels).value - areaUnderCurve(others, labels).value, 12);
    expect(areaDifference({ scores, others: scores }, labels)).toEqual({ value: 0, halfWidth: 0 });
    expect(areaDifference({ scores, others }, new Float64Array(60)).value).toBeNaN();
  });

  test('has an interval as wide as it spreads over many data sets: far narrower than that of either area', () => {
    const normal = source(99);
    const labels = Float64Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const found = Array.from({ length: 300 }, () => {
      const shared = labels.map((y) => y + normal());
      const [scores, others] = [shared.map((s) => s + 0.3 * normal()), shared.map((s) => s + 0.3 * normal())];
      return { ...areaDifference({ scores, others }, labels), alone: areaUnderCurve(scores, labels).halfWidth };
    });
    const within = found.filter(({ value, halfWidth }) => Math.abs(value) <= halfWidth).length / found.length;
    expect(within).toBeGreaterThan(0.91);
    expect(within).toBeLessThan(0.985);
    const mean = (widths: number[]): number => widths.reduce((sum, width) => sum + width, 0) / widths.length;
    const [paired, alone] = [found.map(({ halfWidth }) => halfWidth), found.map((one) => one.alone)];
    expect(mean(paired)).toBeLessThan(0.6 * mean(alone));
  });
});

describe('AUC', () => {
  test('equals the share of ordered pairs, ties half, for any scores', () => {
    const rows = fc.array(fc.tuple(level, fc.boolean()), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(rows, (pairs) => {
        const positives = pairs.filter(([, positive]) => positive).map(([score]) => score);
        const negatives = pairs.filter(([, positive]) => !positive).map(([score]) => score);
        fc.pre(positives.length > 0 && negatives.length > 0);
        let wins = 0;
        for (const p of positives) for (const n of negatives) wins += p > n ? 1 : p === n ? 0.5 : 0;
        const { value } = areaUnderCurve(
          floats(...pairs.map(([s]) => s)),
          floats(...pairs.map(([, y]) => (y ? 1 : 0))),
        );
        expect(value).toBeCloseTo(wins / (positives.length * negatives.length), 12);
      }),
      { seed: 7 },
    );
  });

  test('has an interval that covers the truth at its rate', () => {
    // Scores N(1, 1) against N(0, 1): the true AUC is Phi(1/sqrt 2) = 0.7602499.
    let state = 12345;
    const uniform = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    let covered = 0;
    for (let trial = 0; trial < 400; trial++) {
      const labels = Float64Array.from({ length: 120 }, (_, i) => (i % 3 === 0 ? 1 : 0));
      const { value, halfWidth } = areaUnderCurve(
        labels.map((y) => y + normal()),
        labels,
      );
      if (Math.abs(value - 0.7602499) <= halfWidth) covered++;
    }
    expect(covered / 400).toBeGreaterThan(0.91);
    expect(covered / 400).toBeLessThan(0.985);
  });

  test('is unknown with one class', () => {
    expect(areaUnderCurve(floats(1, 2), floats(1, 1)).value).toBeNaN();
  });

  test('within groups weighs by rows and skips groups of one class', () => {
    const scores = floats(1, 2, 1, 2, 3, 9);
    const labels = floats(0, 1, 1, 0, 0, 1);
    // group a: 2 rows, AUC 1; group b: 3 rows, AUC 0; group c: one class.
    expect(groupedAreaUnderCurve(scores, labels, ['a', 'a', 'b', 'b', 'b', 'c']).value).toBeCloseTo(2 / 5, 12);
  });
});

describe('probabilities', () => {
  test('log loss and normalised entropy follow their definitions', () => {
    const p = floats(0.8, 0.4, 0.4);
    const y = floats(1, 0, 1);
    const expected = -(Math.log(0.8) + Math.log(0.6) + Math.log(0.4)) / 3;
    expect(logLoss(p, y).value).toBeCloseTo(expected, 12);
    const entropy = -((2 / 3) * Math.log(2 / 3) + (1 / 3) * Math.log(1 / 3));
    expect(normalisedEntropy(p, y)).toBeCloseTo(expected / entropy, 12);
    expect(logLoss(floats(0, 1), floats(1, 0)).value).toBeLessThan(17);
  });

  test('the rate itself has normalised entropy 1 and is calibrated', () => {
    const y = floats(1, 0, 0, 0);
    const p = floats(0.25, 0.25, 0.25, 0.25);
    expect(normalisedEntropy(p, y)).toBeCloseTo(1, 12);
    expect(calibrationRatio(p, y)).toBe(1);
  });

  test('calibration error is the mean distance over equal bins', () => {
    const p = Float64Array.from({ length: 60 }, (_, i) => (i < 28 ? 0.2 : 0.6));
    const y = Float64Array.from({ length: 60 }, (_, i) => (i < 28 ? 0 : 1));
    expect(calibrationBins(p, y)).toHaveLength(15);
    expect(calibrationError(p, y)).toBeCloseTo((28 * 0.2 + 32 * 0.4) / 60, 12);
  });
});

describe('lists', () => {
  test('NDCG is 1 for the ideal order and follows the discount otherwise', () => {
    const requests = ['r', 'r', 'r'];
    expect(ndcg(floats(3, 2, 1), floats(1, 0, 0), { requests, k: 10 }).value).toBe(1);
    expect(ndcg(floats(1, 2, 3), floats(1, 0, 0), { requests, k: 10 }).value).toBeCloseTo(1 / Math.log2(4), 12);
    expect(ndcg(floats(1, 2, 3), floats(1, 0, 0), { requests, k: 2 }).value).toBe(0);
  });

  test('NDCG of equal scores is the mean over all orders, whatever the order of the log', () => {
    const expected = (1 + 1 / Math.log2(3) + 1 / Math.log2(4)) / 3;
    for (const gains of [floats(1, 0, 0), floats(0, 1, 0), floats(0, 0, 1)])
      expect(ndcg(floats(5, 5, 5), gains, { requests: ['r', 'r', 'r'], k: 10 }).value).toBeCloseTo(expected, 12);
  });

  test('requests without a positive or of one row say nothing', () => {
    expect(ndcg(floats(1, 2, 3), floats(0, 0, 1), { requests: ['a', 'a', 'b'], k: 5 }).value).toBeNaN();
  });
});

describe('regressions', () => {
  test('squared and absolute error', () => {
    expect(meanSquaredError(floats(1, 3), floats(0, 1)).value).toBe(2.5);
    expect(meanAbsoluteError(floats(1, 3), floats(0, 1)).value).toBe(1.5);
  });

  test('XAUC equals the count over all pairs', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(level, level), { minLength: 2, maxLength: 40 }), (rows) => {
        let concordant = 0;
        let pairs = 0;
        for (const [i, [p, y]] of rows.entries())
          for (const [q, z] of rows.slice(i + 1)) {
            if (y === z) continue;
            pairs++;
            concordant += p === q ? 0.5 : p > q === y > z ? 1 : 0;
          }
        fc.pre(pairs > 0);
        const value = pairwiseAccuracy(floats(...rows.map(([p]) => p)), floats(...rows.map(([, y]) => y)));
        expect(value).toBeCloseTo(concordant / pairs, 12);
      }),
      { seed: 11 },
    );
  });
});
