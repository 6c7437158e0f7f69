import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { logChances, propensities, topRows, type OrderPolicy } from '../../src/policy/index.js';
import { policyOf } from './policies.js';

const permutations = (rows: readonly number[]): number[][] =>
  rows.length === 0 ? [[]] : rows.flatMap((row) => permutations(rows.filter((r) => r !== row)).map((p) => [row, ...p]));

/** Chances of all answers of `limit` rows by playing through everything that may be drawn. */
const played = (scores: Float64Array, limit: number, policy: OrderPolicy): Map<string, number> => {
  const chances = new Map<string, number>();
  const add = (rows: readonly number[], chance: number): void => {
    const answer = rows.slice(0, limit).join(' ');
    chances.set(answer, (chances.get(answer) ?? 0) + chance);
  };
  const all = [...scores.keys()];
  const scored = all.filter((row) => !Number.isNaN(scores[row]));
  const tail = all.filter((row) => Number.isNaN(scores[row]));
  const weight = (row: number): number =>
    policy.form === 'product'
      ? Math.max(scores[row]!, Number.MIN_VALUE) ** (1 / policy.temperature)
      : Math.exp(scores[row]! / policy.temperature);
  for (const order of permutations(scored)) {
    let chance = policy.share;
    order.forEach((row, at) => (chance *= weight(row) / order.slice(at).reduce((sum, r) => sum + weight(r), 0)));
    add([...order, ...tail], chance);
  }
  const byScore = [...scored].sort((a, b) => scores[b]! - scores[a]! || a - b);
  const answered = Math.min(limit, scored.length);
  add([...byScore, ...tail], 1 - policy.share - policy.swaps);
  if (answered < 2) add([...byScore, ...tail], policy.swaps);
  for (let p = 1; p < answered; p++) {
    const swapped = [...byScore];
    [swapped[0], swapped[p]] = [swapped[p]!, swapped[0]!];
    for (const order of [swapped, byScore]) add([...order, ...tail], policy.swaps / 2 / (answered - 1));
  }
  return chances;
};

const listChance = (scores: Float64Array, rows: readonly number[], policy: OrderPolicy): number =>
  Math.exp(logChances({ scores, rows: Int32Array.from(rows), policy }).at(-1) ?? 0);

const score = fc.oneof(fc.double({ min: 0.01, max: 4, noNaN: true }), fc.constantFrom(0, -0, 1, 1, NaN));
const anyPolicy = fc
  .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
  .chain(([share, rest]) =>
    fc.record({
      form: fc.constantFrom('product' as const, 'sum' as const),
      share: fc.constant(share),
      swaps: fc.constantFrom(0, (1 - share) * rest),
      temperature: fc.double({ min: 0.3, max: 3, noNaN: true }),
    }),
  );

describe('the chance of a list', () => {
  test('is what playing through everything that may be drawn gives, for every list that may come', () => {
    fc.assert(
      fc.property(
        fc.array(score, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        anyPolicy,
        (list, limit, policy) => {
          const scores = Float64Array.from(list);
          // In the product form 0 is the smallest positive number, to a power: the direct product cannot hold it.
          fc.pre(policy.form === 'sum' || list.every((value) => value !== 0));
          let total = 0;
          for (const [answer, chance] of played(scores, limit, policy)) {
            const rows = answer.split(' ').map(Number);
            const computed = listChance(scores, rows, policy);
            expect(computed).toBeCloseTo(chance, 12);
            total += computed;
          }
          expect(total).toBeCloseTo(1, 12);
        },
      ),
      { seed: 13, numRuns: 300 },
    );
  });

  test('of all orders of five candidates adds up to one, ties and scores of zero included', () => {
    const scores = Float64Array.of(0.5, 0, -0, 0.5, 1e-300);
    for (const form of ['product', 'sum'] as const)
      for (const limit of [1, 2, 3, 5]) {
        const policy = policyOf({ form, share: 0.3, swaps: 0.2, temperature: 0.7 });
        const answers = new Set(permutations([0, 1, 2, 3, 4]).map((rows) => rows.slice(0, limit).join(' ')));
        const total = [...answers].reduce(
          (sum, rows) => sum + listChance(scores, rows.split(' ').map(Number), policy),
          0,
        );
        expect(total).toBeCloseTo(1, 12);
      }
  });

  test('is even among equal scores, whatever their sign of zero or size', () => {
    const policy = policyOf({ share: 1 });
    for (const value of [0, 7, -1e308, 1e308, Infinity, -Infinity]) {
      const scores = Float64Array.of(value, value === 0 ? -0 : value, value);
      for (const rows of permutations([0, 1, 2])) expect(listChance(scores, rows, policy)).toBeCloseTo(1 / 6, 14);
    }
  });

  test('with noise is the softmax of what is left, product scores to the power of one over the temperature', () => {
    const chances = logChances({
      scores: Float64Array.of(1, 4, 9),
      rows: Int32Array.of(2, 0),
      policy: policyOf({ form: 'product', share: 1, temperature: 2 }),
    });
    expect([...propensities(chances)]).toEqual([expect.closeTo(3 / 6, 14), expect.closeTo(1 / 3, 14)]);
  });

  test('keeps its digits where one candidate outweighs the others by far', () => {
    const scores = Float64Array.of(0, 700, -3, -40);
    const chances = logChances({ scores, rows: Int32Array.of(1, 0, 2, 3), policy: policyOf({ share: 1 }) });
    const [first, second, third, last] = propensities(chances);
    expect(first).toBe(1);
    expect(second).toBeCloseTo(1 / (1 + Math.exp(-3) + Math.exp(-40)), 12);
    expect(third).toBeCloseTo(1 / (1 + Math.exp(-37)), 12);
    expect(last).toBe(1);
  });

  test('of a thousand candidates is finite, also where it is too small for a number', () => {
    const scores = Float64Array.from({ length: 1000 }, (_, row) => Math.sin(row));
    const rows = Int32Array.from(scores.keys());
    const chances = logChances({ scores, rows, policy: policyOf({ share: 0.1 }) });
    expect(chances.at(-1)).toBeLessThan(-5000);
    for (const propensity of propensities(chances)) expect(propensity > 0 && propensity <= 1).toBe(true);
  });

  test('without anything random is one for the order by score and never else', () => {
    const scores = Float64Array.of(0.2, 0.9, NaN, 0.2);
    const policy = policyOf();
    expect([...logChances({ scores, rows: topRows(scores, 4), policy })]).toEqual([0, 0, 0, 0]);
    expect([...logChances({ scores, rows: Int32Array.of(1, 3, 0), policy })]).toEqual([0, -Infinity, -Infinity]);
  });

  test('with swaps alone is exact', () => {
    const scores = Float64Array.of(4, 3, 2, 1);
    const policy = policyOf({ swaps: 0.6 });
    const of = (...rows: number[]): number[] => [
      ...propensities(logChances({ scores, rows: Int32Array.from(rows), policy })),
    ];
    // Three positions may be drawn, each changed with a half: 0.1 each, and 0.7 for the order by score.
    expect(of(0, 1, 2, 3)).toEqual([expect.closeTo(0.7, 14), 1, 1, 1]);
    expect(of(1, 0, 2, 3)).toEqual([expect.closeTo(0.1, 14), 1, 1, 1]);
    expect(of(3, 1, 2, 0)).toEqual([expect.closeTo(0.1, 14), 1, 1, 1]);
    expect(of(3, 1, 0, 2)).toEqual([expect.closeTo(0.1, 14), 1, 0, 0]);
    // Answered alone, there is nothing to change places with; of two, there is one position.
    expect(of(0)).toEqual([1]);
    expect(of(1, 0)).toEqual([expect.closeTo(0.3, 14), 1]);
  });

  test('never has a candidate without a score before one that has, nor out of the order of the request', () => {
    const scores = Float64Array.of(NaN, 1, NaN, 2);
    const policy = policyOf({ share: 0.5, swaps: 0.5 });
    expect(listChance(scores, [1, 3, 0, 2], policy)).toBeGreaterThan(0);
    expect(listChance(scores, [0, 1, 3, 2], policy)).toBe(0);
    expect(listChance(scores, [1, 3, 2, 0], policy)).toBe(0);
  });
});
