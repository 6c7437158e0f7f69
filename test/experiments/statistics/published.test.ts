import { describe, expect, test } from '@jest/globals';
import {
  chiSquareTest,
  chiSquareUpperTail,
  corrected,
  detectable,
  normalQuantile,
  normalUpperTail,
  sampleRatioAlarm,
  sequentialInterval,
  sequentialPValue,
  sequentialRho,
  sequentialWidth,
  splitEvidence,
  studentQuantile,
  studentUpperTail,
  usersNeeded,
  usersNeededSequentially,
} from '../../../training/experiments/index.js';

describe('distributions have the published values, far tails too', () => {
  test.each([
    ['normal 1.96', normalUpperTail(1.96), 1 - 0.97500210485178],
    ['normal 5', normalUpperTail(5), 2.866515718792e-7],
    ['normal 8', normalUpperTail(8), 6.2209605742718e-16],
    ['t 2.5 with 10 degrees', studentUpperTail(2.5, 10), 1 - 0.9842765778816954],
    ['t .975 with 12 degrees', studentQuantile(0.975, 12), 2.178812829667],
    ['t with more degrees than matter', studentQuantile(0.975, 1e9), 1.959963984540054],
    ['normal .975', normalQuantile(0.975), 1.959963984540054],
    ['chi-square 10.828, two arms', chiSquareUpperTail(10.828, 1), 0.001],
    ['chi-square 13.816, three arms', chiSquareUpperTail(13.816, 2), 0.001],
  ])('%s', (_, value, published) => {
    expect(Math.abs(value / published - 1)).toBeLessThan(3e-4);
  });
  test('a chi-square of one degree is a squared normal: 9.48e-15 beyond 60, where 1 - cdf says 9.44e-15', () => {
    expect(chiSquareUpperTail(60, 1) * 1e15).toBeCloseTo(9.48, 1);
    expect(chiSquareUpperTail(60, 1) / (2 * normalUpperTail(Math.sqrt(60)))).toBeCloseTo(1, 10);
  });
  test('a chi-square of two degrees is an exponential', () => {
    for (const x of [0.5, 10, 100]) expect(chiSquareUpperTail(x, 2) / Math.exp(-x / 2)).toBeCloseTo(1, 12);
  });
});

describe('the always-valid interval', () => {
  const alpha = 0.05;
  test('is tuned as published: rho .03984 for 5000 users', () => {
    expect(sequentialRho({ alpha })).toBeCloseTo(0.03984, 5);
    expect(sequentialRho({ alpha, tunedFor: 20_000 })).toBeCloseTo(0.03984 / 2, 5);
  });
  test.each([
    [1000, 1.72],
    [5000, 1.55],
    [20_000, 1.6],
    [100_000, 1.7],
    [1_000_000, 1.87],
  ])('with %d users is %d times as wide as a fixed one', (users, ratio) => {
    expect(sequentialWidth(users, { alpha }) / 1.959964).toBeCloseTo(ratio, 2);
  });
  test('leaves out 0 exactly where its p-value is below alpha', () => {
    const width = sequentialWidth(3000, { alpha });
    for (const [times, side] of [
      [0.999, 1],
      [1.001, -1],
    ] as const) {
      const effect = { value: times * width * 0.2, standardError: 0.2, degrees: 100, users: 3000 };
      expect(Math.sign(sequentialPValue(effect, { alpha }) - alpha)).toBe(side);
      expect(sequentialInterval(effect, { alpha })[0] < 0).toBe(side === 1);
    }
  });
  test('says nothing of a difference without variance but that it is one', () => {
    const same = { standardError: 0, degrees: Infinity, users: 10 };
    expect(sequentialPValue({ ...same, value: 0 }, { alpha })).toBe(1);
    expect(sequentialPValue({ ...same, value: 1 }, { alpha })).toBe(0);
    expect(sequentialInterval({ ...same, value: 1 }, { alpha })).toEqual([1, 1]);
  });
});

describe('sizes', () => {
  const options = { alpha: 0.05, power: 0.8, shares: [0.5, 0.5] } as const;
  test.each([
    [1000, 0.125],
    [10_000, 0.0396],
    [100_000, 0.0125],
  ])('%d users an arm tell %d standard deviations', (perArm, published) => {
    expect(detectable(2 * perArm, 1, options)).toBeCloseTo(published, 3);
    expect(usersNeeded(detectable(2 * perArm, 1, options), 1, options) / (2 * perArm)).toBeCloseTo(1, 3);
  });
  test('an unequal split tells 2.8016 sigma sqrt(1/n1 + 1/n2)', () => {
    const uneven = { ...options, shares: [0.9, 0.1] } as const;
    expect(detectable(10_000, 3, uneven)).toBeCloseTo(2.8016 * 3 * Math.sqrt(1 / 9000 + 1 / 1000), 4);
  });
  test('the always-valid interval needs the users at which it and the power fit into the effect', () => {
    const users = usersNeededSequentially(0.05, 1, options);
    const reach = (n: number): number => (sequentialWidth(n, options) + 0.8416212) * Math.sqrt(4 / n);
    expect(reach(users)).toBeLessThanOrEqual(0.05);
    expect(reach(users - 1)).toBeGreaterThan(0.05);
    expect(users / usersNeeded(0.05, 1, options)).toBeGreaterThan(1.5);
    expect(usersNeededSequentially(0, 1, options)).toBe(Infinity);
  });
});

describe('the sample-ratio check', () => {
  test.each([
    [10_000, 0.0165],
    [100_000, 0.0052],
    [1_000_000, 0.00165],
  ])('of %d users sees a share that is off by %d and none that is off by less', (users, off) => {
    const pValue = (by: number): number => chiSquareTest([users * (0.5 + by), users * (0.5 - by)], [0.5, 0.5]).pValue;
    expect(pValue(1.01 * off)).toBeLessThan(sampleRatioAlarm);
    expect(pValue(0.99 * off)).toBeGreaterThan(sampleRatioAlarm);
  });
  test('weighs evidence as the chances of the users one after the other', () => {
    const shares = [0.25, 0.75];
    const seen = [0, 1, 1, 0, 0, 1, 0, 0, 0, 1];
    const prior = 8;
    const counts = [0, 0];
    let evidence = 0;
    for (const arm of seen) {
      const predicted = (prior * shares[arm]! + counts[arm]!) / (prior + counts[0]! + counts[1]!);
      evidence += Math.log(predicted / shares[arm]!);
      counts[arm]!++;
    }
    expect(splitEvidence(counts, shares, prior)).toBeCloseTo(evidence, 10);
  });
  test('takes a user in an arm that nobody should be in for what it is', () => {
    expect(chiSquareTest([5, 5, 1], [0.5, 0.5, 0]).pValue).toBe(0);
    expect(splitEvidence([5, 5, 1], [0.5, 0.5, 0])).toBe(Infinity);
    expect(chiSquareTest([5, 5, 0], [0.5, 0.5, 0]).pValue).toBe(1);
  });
});

describe('corrections for several metrics', () => {
  // The example of Benjamini and Hochberg (1995), table 1.
  const published = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
  ];
  const found = (adjusted: readonly number[]): number => adjusted.filter((p) => p <= 0.05).length;
  test('find four by Benjamini-Hochberg and three by Bonferroni and Holm, as published', () => {
    expect(found(corrected(published, 'benjamini-hochberg'))).toBe(4);
    expect(found(corrected(published, 'holm'))).toBe(3);
    expect(found(corrected(published, 'none'))).toBe(9);
  });
  test('answer in the order given', () => {
    expect(corrected([0.5, 0.01, 0.02], 'holm')).toEqual([0.5, 0.03, 0.04]);
    expect(corrected([0.5, 0.01, 0.02], 'benjamini-hochberg').map((p) => Number(p.toFixed(6)))).toEqual([
      0.5, 0.03, 0.03,
    ]);
    expect(corrected([], 'holm')).toEqual([]);
  });
});
