import { describe, expect, test } from '@jest/globals';
import {
  adjust,
  chiSquareTest,
  difference,
  fixedInterval,
  fixedPValue,
  guardrail,
  lift,
  momentsOf,
  ratioEstimate,
  sampleRatioAlarm,
  sequentialInterval,
  sequentialSplitPValue,
  type Moments,
} from '../../../training/experiments/index.js';
import { drawsOf, shareOf, type Draws } from './draws.js';
import { momentsOfRows } from './moments.js';

const alpha = 0.05;
/** Of a share of 95 % in so many repetitions, four standard errors. */
const tolerance = (times: number): number => 4 * Math.sqrt((0.95 * 0.05) / times);
const covers = ([low, high]: readonly [number, number], truth: number): boolean => low <= truth && truth <= high;
const many = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);
const armOf = (users: number, draw: () => readonly number[]): Moments => momentsOfRows(many(users, draw));
const estimateOf = (moments: Moments) => ratioEstimate(moments)!;

test('moments from sums are those from rows, and equal values have no variance at all', () => {
  const draws = drawsOf(1);
  const rows = many(50, () => [draws.normal(10, 2), draws.uniform()]);
  const sums = [0, 1].map((i) => rows.reduce((sum, row) => sum + row[i]!, 0));
  const products = [0, 1].map((i) => [0, 1].map((j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)));
  const [fromSums, fromRows] = [momentsOf(50, sums, products), momentsOfRows(rows)];
  for (const i of [0, 1])
    for (const j of [0, 1]) expect(fromSums.covariances[i]![j]).toBeCloseTo(fromRows.covariances[i]![j]!, 9);
  const same = momentsOf(
    1000,
    [3100.1 * 1, 1000],
    [
      [1000 * 3.1001 ** 2, 3100.1],
      [3100.1, 1000],
    ],
  );
  expect(same.covariances).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

describe('intervals cover the truth at their rate', () => {
  test('of a difference of means, with unequal variances and sizes', () => {
    const draws = drawsOf(2);
    const times = 1500;
    const share = shareOf(times, () => {
      const control = estimateOf(armOf(60, () => [draws.normal(10, 1), 1]));
      const arm = estimateOf(armOf(20, () => [draws.normal(10.5, 4), 1]));
      return covers(fixedInterval(difference(control, arm), alpha), 0.5);
    });
    expect(Math.abs(share - 0.95)).toBeLessThan(tolerance(times));
  });

  test('of a lift', () => {
    const draws = drawsOf(3);
    const times = 800;
    const share = shareOf(times, () => {
      const control = estimateOf(armOf(200, () => [draws.normal(10, 3), 1]));
      const arm = estimateOf(armOf(200, () => [draws.normal(11, 3), 1]));
      return covers(fixedInterval(lift(control, arm)!, alpha), 0.1);
    });
    expect(Math.abs(share - 0.95)).toBeLessThan(tolerance(times));
  });

  /** Clicks and impressions of a user: who is shown more clicks at another rate, so rows are not independent. */
  const visitor = (draws: Draws, rate: number) => (): readonly number[] => {
    const shown = 1 + Math.floor(20 * draws.uniform() ** 2);
    const taste = rate * (0.4 + 1.2 * draws.uniform());
    return [many(shown, () => draws.uniform()).filter((chance) => chance < taste).length, shown];
  };

  test('of a ratio, by the delta method with the user as unit', () => {
    const draws = drawsOf(4);
    const times = 500;
    // E[clicks]/E[shown]: taste is independent of how much is shown, so the ratio's truth is the rate.
    const share = shareOf(times, () => {
      const control = estimateOf(armOf(200, visitor(draws, 0.2)));
      const arm = estimateOf(armOf(200, visitor(draws, 0.24)));
      return covers(fixedInterval(difference(control, arm), alpha), 0.04);
    });
    expect(Math.abs(share - 0.95)).toBeLessThan(tolerance(times));
  });

  test('whereas rows taken as independent would promise too much', () => {
    const draws = drawsOf(5);
    const rows = many(4000, visitor(draws, 0.2));
    const { value, variance } = estimateOf(momentsOfRows(rows));
    const shown = rows.reduce((sum, row) => sum + row[1]!, 0);
    expect(variance / ((value * (1 - value)) / shown)).toBeGreaterThan(1.1);
  });
});

test('looked at thirty times, naive intervals are wrong in about 27 % of A/A tests, always-valid ones in less than 5 %', () => {
  const draws = drawsOf(6);
  const [days, perDay, times] = [30, 50, 1000];
  let naive = 0;
  let valid = 0;
  for (let time = 0; time < times; time++) {
    const sums = [0, 0];
    const squares = [0, 0];
    const wrong = { naive: false, valid: false };
    for (let day = 1; day <= days; day++) {
      for (const arm of [0, 1])
        for (let user = 0; user < perDay; user++) {
          const value = draws.normal();
          sums[arm]! += value;
          squares[arm]! += value * value;
        }
      const n = day * perDay;
      const [control, arm] = [0, 1].map((which) =>
        estimateOf(
          momentsOf(
            n,
            [sums[which]!, n],
            [
              [squares[which]!, sums[which]!],
              [sums[which]!, n],
            ],
          ),
        ),
      );
      const effect = difference(control!, arm!);
      wrong.naive ||= fixedPValue(effect) < alpha;
      wrong.valid ||= !covers(sequentialInterval(effect, { alpha }), 0);
    }
    naive += Number(wrong.naive);
    valid += Number(wrong.valid);
  }
  expect(naive / times).toBeGreaterThan(0.22);
  expect(naive / times).toBeLessThan(0.32);
  expect(valid / times).toBeLessThan(0.05);
});

describe('CUPED', () => {
  /** [outcome, 1, before, known before], correlated by rho. */
  const user =
    (draws: Draws, rho: number, effect: number, known = 1) =>
    (): readonly number[] => {
      const before = draws.normal();
      const outcome = 5 + effect + rho * before + Math.sqrt(1 - rho * rho) * draws.normal();
      return draws.uniform() < known ? [outcome, 1, before + 2, 1] : [outcome, 1, 0, 0];
    };
  const places = { numerator: 0, denominator: 1, covariates: [2, 3] };

  test.each([0.3, 0.7, 0.9])('with a correlation of %d shrinks the variance by 1 - rho²', (rho) => {
    const draws = drawsOf(7);
    const arms = [armOf(8000, user(draws, rho, 0)), armOf(8000, user(draws, rho, 0.1))];
    const { estimates, explained } = adjust(arms, places)!;
    expect(explained).toBeCloseTo(rho * rho, 1.7);
    for (const [arm, { variance }] of estimates.entries())
      expect(variance / estimateOf(arms[arm]!).variance).toBeCloseTo(1 - rho * rho, 1.5);
  });

  test('covers the truth at its rate, where half of the users were not there before', () => {
    const draws = drawsOf(8);
    const times = 600;
    let narrower = 0;
    const share = shareOf(times, () => {
      const arms = [armOf(150, user(draws, 0.8, 0, 0.5)), armOf(150, user(draws, 0.8, 0.2, 0.5))];
      const [control, arm] = adjust(arms, places)!.estimates;
      const effect = difference(control!, arm!);
      narrower += effect.standardError / difference(estimateOf(arms[0]!), estimateOf(arms[1]!)).standardError;
      return covers(fixedInterval(effect, alpha), 0.2);
    });
    expect(Math.abs(share - 0.95)).toBeLessThan(tolerance(times));
    // Half are stratified away, and of them .64 is explained.
    expect(narrower / times).toBeCloseTo(Math.sqrt(1 - 0.64 / 2), 1.5);
  });

  test('of a ratio uses what was before both of its parts', () => {
    const draws = drawsOf(9);
    const visits = () => {
      const taste = 0.1 + 0.4 * draws.uniform();
      const [shown, shownBefore] = [40, 40];
      const clicks = (n: number): number => many(n, () => draws.uniform()).filter((x) => x < taste).length;
      return [clicks(shown), shown, clicks(shownBefore), shownBefore, 1] as const;
    };
    const arms = [armOf(3000, visits), armOf(3000, visits)];
    const { explained } = adjust(arms, { numerator: 0, denominator: 1, covariates: [2, 3, 4] })!;
    // Var of a rate of 40 given taste is p(1-p)/40; taste varies by .4²/12.
    const between = 0.16 / 12;
    const within = (0.3 - (0.09 + between)) / 40;
    expect(explained).toBeCloseTo((between / (between + within)) ** 2, 1.5);
  });

  test('leaves alone what nothing was known of before', () => {
    const draws = drawsOf(10);
    const arms = [armOf(50, user(draws, 0.5, 0, 0)), armOf(50, user(draws, 0.5, 0, 0))];
    expect(adjust(arms, places)).toBeUndefined();
    expect(adjust([armOf(1, () => [1, 1, 1, 1]), arms[0]!], places)).toBeUndefined();
  });
});

describe('the sample-ratio check', () => {
  const counted = (draws: Draws, users: number, share: number): [number, number] => {
    let first = 0;
    for (let user = 0; user < users; user++) if (draws.uniform() < share) first++;
    return [first, users - first];
  };
  test('fires on a planted imbalance and not otherwise', () => {
    const draws = drawsOf(11);
    const fires = (share: number): number =>
      shareOf(200, () => chiSquareTest(counted(draws, 10_000, share), [0.5, 0.5]).pValue < sampleRatioAlarm);
    expect(fires(0.5)).toBeLessThan(0.011);
    expect(fires(0.53)).toBeGreaterThan(0.95);
  });
  test('looked at every day stays quiet by the multinomial test, and fires in time', () => {
    const draws = drawsOf(12);
    const fires = (share: number, bar: number): number =>
      shareOf(120, () => {
        const counts: [number, number] = [0, 0];
        const looks = many(30, () => {
          const [a, b] = counted(draws, 400, share);
          counts[0] += a;
          counts[1] += b;
          return [...counts];
        });
        return sequentialSplitPValue(looks, [0.5, 0.5]) < bar;
      });
    expect(fires(0.5, 0.05)).toBeLessThan(0.05);
    expect(fires(0.53, sampleRatioAlarm)).toBeGreaterThan(0.85);
    expect(fires(0.54, sampleRatioAlarm)).toBeGreaterThan(0.99);
  });
});

describe('guardrails', () => {
  const effect = (value: number, standardError: number) => ({ value, standardError, degrees: 5000, users: 5000 });
  const rule = { alpha, margin: 0.02, direction: 'up' } as const;
  test('hold where harm of the margin is ruled out, break where it is shown, else are not known', () => {
    expect(guardrail(effect(0, 0.002), rule).state).toBe('held');
    expect(guardrail(effect(-0.05, 0.002), rule).state).toBe('broken');
    expect(guardrail(effect(0, 0.02), rule).state).toBe('unknown');
    expect(guardrail(effect(0.05, 0.002), { ...rule, direction: 'down' }).state).toBe('broken');
    expect(guardrail(effect(0, 0), rule)).toMatchObject({ state: 'held', worst: 0, pValue: 0 });
  });
  test('are said to hold at the margin itself in less than 5 %, however often they are looked at', () => {
    const draws = drawsOf(13);
    const held = shareOf(800, () => {
      let sum = 0;
      for (let look = 1; look <= 20; look++) {
        sum += draws.normal();
        // Each look adds 250 users; the lift's standard error falls with their root.
        const standardError = 0.1 / Math.sqrt(look);
        const value = -0.02 + (sum / look) * 0.1;
        if (guardrail({ value, standardError, degrees: 1e5, users: 250 * look }, rule).state === 'held') return true;
      }
      return false;
    });
    expect(held).toBeLessThan(0.05);
  });
});

test('a lift is not stated where the control cannot be told from nothing', () => {
  expect(lift({ users: 10, value: 0, variance: 0 }, { users: 10, value: 1, variance: 1 })).toBeUndefined();
  expect(lift({ users: 10, value: 2, variance: 1 }, { users: 10, value: 1, variance: 1 })).toBeUndefined();
  const { value } = lift({ users: 10, value: -2, variance: 0.01 }, { users: 10, value: -1, variance: 0.01 })!;
  expect(value).toBeCloseTo(0.5, 10);
});
