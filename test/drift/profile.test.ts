import { Value } from '@sinclair/typebox/value';
import { describe, expect, test } from '@jest/globals';
import { populationStability, profileOf, ProfileSchema, type NumbersProfile } from '../../src/drift/index.js';
import { rowsOf } from './rows.js';

describe('the population stability index', () => {
  test('is 0 for the same shares and that of the worked example otherwise', () => {
    expect(populationStability([0.2, 0.3, 0.5], [0.2, 0.3, 0.5])).toBe(0);
    // (0.3-0.2)·ln 1.5 + (0.3-0.3)·ln 1 + (0.4-0.5)·ln 0.8
    expect(populationStability([0.2, 0.3, 0.5], [0.3, 0.3, 0.4])).toBeCloseTo(0.040546511 + 0.022314355, 8);
  });

  test('is the sum of both Kullback-Leibler divergences, so it does not matter which is which', () => {
    const [p, q] = [
      [0.1, 0.2, 0.3, 0.4],
      [0.25, 0.25, 0.4, 0.1],
    ];
    const divergence = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * Math.log(x / b[i]!), 0);
    expect(populationStability(p, q)).toBeCloseTo(divergence(p, q) + divergence(q, p), 12);
    expect(populationStability(p, q)).toBeCloseTo(populationStability(q, p), 12);
  });

  test('is finite where a bin is empty', () => {
    expect(populationStability([0.5, 0.5, 0], [0, 0.5, 0.5])).toBeGreaterThan(1);
    expect(Number.isFinite(populationStability([1, 0], [0, 1]))).toBe(true);
  });
});

describe('a profile', () => {
  test('has the deciles of a head, with as many rows in each bin, its mean and deviation', () => {
    const heads = Float32Array.from({ length: 1001 }, (_, row) => row / 1000);
    const { click } = profileOf({ tasks: ['click'], ...rowsOf(1001, {}), heads }).heads;
    expect(click).toMatchObject({ count: 1001, least: 0, greatest: 1, missing: 0 });
    expect(click!.bounds).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    for (const share of click!.shares) expect(share).toBeCloseTo(0.1, 2);
    expect(click!.mean).toBeCloseTo(0.5, 5);
    // Of a uniform distribution: 1/√12.
    expect(click!.deviation).toBeCloseTo(Math.sqrt(1 / 12), 3);
  });

  test('keeps heads apart', () => {
    const heads = Float32Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? 0.25 : at / 2));
    const { one, two } = profileOf({ tasks: ['one', 'two'], ...rowsOf(100, {}), heads }).heads;
    expect(one).toMatchObject({ mean: 0.25, bounds: [0.25], shares: [1, 0] });
    expect(two!.mean).toBeCloseTo(50, 0);
  });

  test('tells two values apart, however rare one is, and what is missing', () => {
    const flag = Array.from({ length: 1000 }, (_, i) => (i < 100 ? Number.NaN : i < 950 ? 0 : 1));
    const { features } = profileOf({ tasks: [], heads: new Float32Array(0), ...rowsOf(1000, { flag }) });
    expect(features['flag']).toMatchObject({ count: 1000, missing: 0.1, bounds: [0] });
    expect(features['flag']!.shares[1]).toBeCloseTo(50 / 900, 5);
  });

  test('of ids has the share of each last digit of their hashes, and of empty bags', () => {
    const bags = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? [] : [i % 4 === 1 ? 16 : 35]));
    const { features } = profileOf({ tasks: [], heads: new Float32Array(0), ...rowsOf(400, {}, { tags: bags }) });
    const shares = new Array<number>(16).fill(0);
    shares[0] = 1 / 3;
    shares[3] = 2 / 3;
    expect(features['tags']).toMatchObject({ count: 400, missing: 0.25 });
    features['tags']!.shares.forEach((share, bin) => expect(share).toBeCloseTo(shares[bin]!, 5));
  });

  test('of nothing, of nothing but missing values and of vectors is one too', () => {
    const none = profileOf({ tasks: ['a'], ...rowsOf(0, { f: [] }), heads: new Float32Array(0) });
    const missing = profileOf({
      tasks: ['a'],
      ...rowsOf(2, { f: [Number.NaN, Number.NaN] }),
      heads: new Float32Array(2),
    });
    const { batch } = rowsOf(2, {});
    const wide = {
      side: 'candidate',
      type: 'numbers',
      width: 2,
      values: Float32Array.of(1, 2, Number.NaN, Number.NaN),
    } as const;
    const vector = profileOf({
      tasks: [],
      heads: new Float32Array(0),
      batch: { ...batch, columns: new Map([['v', wide]]) },
    });
    for (const profile of [none, missing, vector]) {
      expect(Value.Check(ProfileSchema, profile)).toBe(true);
      expect(Value.Check(ProfileSchema, JSON.parse(JSON.stringify(profile)))).toBe(true);
    }
    expect(missing.features['f']!.missing).toBe(1);
    expect(vector.features['v']).toMatchObject({ count: 2, missing: 0.5 });
  });

  test('has the first 40 features of many', () => {
    const numbers = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, [i]]));
    const { features } = profileOf({ tasks: [], heads: new Float32Array(0), ...rowsOf(1, numbers) });
    expect(Object.keys(features)).toEqual(Array.from({ length: 40 }, (_, i) => `f${i}`));
  });

  test('is the same for the same rows', () => {
    const heads = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const once = (): NumbersProfile => profileOf({ tasks: ['t'], ...rowsOf(50, {}), heads }).heads['t']!;
    expect(once()).toEqual(once());
  });
});
