import { describe, expect, test } from '@jest/globals';
import { SeededRandom } from '../../src/random.js';
import { logChances, orderRandom, sampleOrder, topRows, type OrderPolicy } from '../../src/policy/index.js';
import { policyOf } from './policies.js';

/** How often each list came in this many requests. */
const drawnLists = (
  { scores, limit, policy }: { scores: Float64Array; limit: number; policy: OrderPolicy },
  requests: number,
): Map<string, number> => {
  const counts = new Map<string, number>();
  const numbers = new SeededRandom(17);
  const random = (): number => (numbers.next() + 0.5) / 2 ** 32;
  for (let request = 0; request < requests; request++) {
    const { rows } = sampleOrder({ scores, limit, policy, random });
    const list = rows.join(' ');
    counts.set(list, (counts.get(list) ?? 0) + 1);
  }
  return counts;
};

describe('an order that is drawn', () => {
  const cases: readonly (readonly [string, number, Float64Array, number, OrderPolicy])[] = [
    [
      'noise',
      30_000,
      Float64Array.of(0.3, 0.1, 0.6, 0.1),
      3,
      policyOf({ form: 'product', share: 1, temperature: 0.8 }),
    ],
    ['swaps', 20_000, Float64Array.of(0.3, NaN, 0.1, 0.6, 0.1), 5, policyOf({ swaps: 0.4 })],
    ['both', 100_000, Float64Array.of(1, -0.5, 0, 2), 4, policyOf({ share: 0.5, swaps: 0.3, temperature: 1.5 })],
    [
      'equal scores so large that they swallow noise',
      10_000,
      Float64Array.of(5, 1e300, -1e300, -1e300),
      4,
      policyOf({ share: 1 }),
    ],
  ];
  test.each(cases)('comes as often as its chance says: %s', (_, requests, scores, limit, policy) => {
    let total = 0;
    for (const [list, count] of drawnLists({ scores, limit, policy }, requests)) {
      const rows = Int32Array.from(list.split(' '), Number);
      const chance = Math.exp(logChances({ scores, rows, policy }).at(-1)!);
      total += chance;
      // Five standard deviations: a fixed seed draws this once, and any bias of a percent is far beyond.
      const bound = 5 * Math.sqrt(requests * chance * (1 - chance)) + 1e-9;
      expect(Math.abs(count - requests * chance)).toBeLessThanOrEqual(bound);
    }
    expect(total).toBeGreaterThan(0.999);
  });

  test('says which part of the policy drew it, as often as the shares say', () => {
    const scores = Float64Array.of(3, 2, 1);
    const counts = { greedy: 0, noise: 0, swap: 0 };
    let swapped = 0;
    for (let request = 0; request < 10_000; request++) {
      const policy = policyOf({ share: 0.2, swaps: 0.5 });
      const drawn = sampleOrder({ scores, limit: 3, policy, random: orderRandom(`${request}`, 'demo') });
      counts[drawn.drawn]++;
      expect(drawn.swap === undefined).toBe(drawn.drawn !== 'swap');
      if (drawn.swap === undefined) continue;
      const { position } = drawn.swap;
      const expected = [0, 1, 2];
      if (drawn.swap.swapped) [expected[0], expected[position - 1]] = [position - 1, 0];
      expect([...drawn.rows]).toEqual(expected);
      if (drawn.swap.swapped) swapped++;
    }
    expect(Math.abs(counts.noise - 2000)).toBeLessThan(200);
    expect(Math.abs(counts.swap - 5000)).toBeLessThan(250);
    expect(Math.abs(swapped - counts.swap / 2)).toBeLessThan(180);
  });

  test('is the order by score where nothing varies, and puts what has no score last', () => {
    const scores = Float64Array.of(NaN, 0.2, NaN, 0.9);
    const random = orderRandom('r', 'demo');
    expect(sampleOrder({ scores, limit: 3, policy: policyOf(), random })).toEqual({
      rows: topRows(scores, 3),
      drawn: 'greedy',
    });
    for (let request = 0; request < 200; request++) {
      const policy = policyOf({ share: 0.5, swaps: 0.5 });
      const { rows } = sampleOrder({ scores, limit: 4, policy, random: orderRandom(`${request}`, 'demo') });
      expect([...rows].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
      expect([...rows.subarray(2)]).toEqual([0, 2]);
    }
  });

  test('swaps nothing where one candidate is answered', () => {
    const policy = policyOf({ swaps: 1 });
    const drawn = sampleOrder({ scores: Float64Array.of(1, 2), limit: 1, policy, random: orderRandom('r', 'demo') });
    expect(drawn).toEqual({ rows: Int32Array.of(1), drawn: 'greedy' });
  });

  test('is the same for the same request and ranker, and another for others', () => {
    const scores = Float64Array.from({ length: 50 }, () => 1);
    const policy = policyOf({ share: 1 });
    const draw = (request: string, ranker: string): string =>
      sampleOrder({ scores, limit: 50, policy, random: orderRandom(request, ranker) }).rows.join(' ');
    expect(draw('r1', 'demo')).toBe(draw('r1', 'demo'));
    expect(new Set([draw('r1', 'demo'), draw('r2', 'demo'), draw('r1', 'other'), draw('demo', 'r1')]).size).toBe(4);
  });
});

test('the numbers of an order are uniform between 0 and 1, both left out', () => {
  const counts = new Array<number>(20).fill(0);
  let [least, most] = [1, 0];
  for (let request = 0; request < 2000; request++) {
    const random = orderRandom(`request-${request}`, 'demo');
    for (let at = 0; at < 20; at++) {
      const value = random();
      least = Math.min(least, value);
      most = Math.max(most, value);
      counts[Math.floor(20 * value)]!++;
    }
  }
  expect([least > 0, most < 1]).toEqual([true, true]);
  const chi = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
  expect(chi).toBeLessThan(45); // beyond 0.9993 of the chi-square with 19 degrees of freedom
});
