import { describe, expect, test } from '@jest/globals';
import { createZipf, rankBodies, type Audience } from '../../load-tests/generator/index.js';
import { SeededRandom } from '../../src/random.js';

const draws = 50_000;
const sharesOf = (count: number, exponent: number): number[] => {
  const zipf = createZipf({ count, exponent });
  const random = new SeededRandom(3);
  const times = new Array<number>(count).fill(0);
  for (let i = 0; i < draws; i++) times[zipf.draw(random)]!++;
  return times.map((n) => n / draws);
};

describe('ranks', () => {
  test.each([0.8, 1, 1.3])('are drawn in proportion to 1 / (rank + 1)^%d', (exponent) => {
    const weights = Array.from({ length: 50 }, (_, rank) => (rank + 1) ** -exponent);
    const total = weights.reduce((a, b) => a + b);
    sharesOf(50, exponent).forEach((share, rank) => {
      const chance = weights[rank]! / total;
      expect(Math.abs(share - chance)).toBeLessThan(5 * Math.sqrt(chance / draws));
    });
  });

  test('are equally likely with exponent 0', () => {
    for (const share of sharesOf(20, 0)) expect(Math.abs(share - 0.05)).toBeLessThan(0.006);
  });

  test('of one request differ, also where some are asked for nearly always, or there are too few', () => {
    const random = new SeededRandom(1);
    const steep = createZipf({ count: 300, exponent: 4 }).drawDistinct(200, random);
    expect(new Set(steep).size).toBe(200);
    expect(createZipf({ count: 5, exponent: 1 }).drawDistinct(9, random).sort()).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('requests', () => {
  const audience: Audience = { users: 30, items: 400, candidates: 25, exponent: 1, contexts: [{ tab: 'x' }] };
  const parsed = (more: Partial<Audience> = {}, seed = 1) =>
    rankBodies({ ...audience, ...more }, 100, seed).map(
      (body) => JSON.parse(body.toString()) as { user: { id: string }; candidates: { id: string }[]; context: object },
    );

  test('have the candidates that were asked for, users and items in their bounds, and a context', () => {
    const bodies = parsed();
    expect(bodies).toHaveLength(100);
    for (const { user, candidates, context } of bodies) {
      expect(candidates).toHaveLength(25);
      expect(new Set(candidates.map(({ id }) => id)).size).toBe(25);
      expect(candidates.every(({ id }) => /^i\d+$/.test(id) && Number(id.slice(1)) < 400)).toBe(true);
      expect(Number(user.id.slice(1))).toBeLessThan(30);
      expect(context).toEqual({ tab: 'x' });
    }
  });

  test('are the same for the same seed', () => {
    expect(parsed({}, 4)).toEqual(parsed({}, 4));
    expect(parsed({}, 4)).not.toEqual(parsed({}, 5));
  });

  test('spread over a larger table by a stride', () => {
    const ids = parsed({ itemStride: 100 }).flatMap(({ candidates }) =>
      candidates.map(({ id }) => Number(id.slice(1))),
    );
    expect(ids.every((id) => id % 100 === 0)).toBe(true);
    expect(Math.max(...ids)).toBeGreaterThan(20_000);
  });
});
