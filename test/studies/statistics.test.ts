import { describe, expect, test } from '@jest/globals';
import {
  effectByDay,
  effectsOf,
  judgeClaims,
  levelsOf,
  meanInterval,
  noTally,
  replicatesFor,
  signOf,
  type Claim,
  type Replicate,
  type Sums,
} from '../../training/studies/index.js';
import { SeededRandom } from '../../training/fit/index.js';

const normals = (random: SeededRandom, count: number): number[] =>
  Array.from({ length: count }, () => {
    const [a, b] = [(random.next() + 0.5) / 2 ** 32, random.next() / 2 ** 32];
    return Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b);
  });

describe('the interval of a mean', () => {
  test('is the mean plus and minus Student’s t times the standard error', () => {
    // t(0.975, 4) = 2.776445 and the standard error of 1 .. 5 is sqrt(2.5 / 5).
    const { estimate, low, high } = meanInterval([1, 2, 3, 4, 5]);
    expect(estimate).toBe(3);
    expect(low).toBeCloseTo(3 - 2.776445 * Math.sqrt(0.5), 5);
    expect(high).toBeCloseTo(3 + 2.776445 * Math.sqrt(0.5), 5);
  });

  test('holds the truth in 95 of 100 cases, also with few replicates', () => {
    const random = new SeededRandom(5);
    const cases = 4000;
    let held = 0;
    for (let at = 0; at < cases; at++) {
      const { low, high } = meanInterval(normals(random, 4).map((value) => 1 + value));
      if ((low ?? Infinity) <= 1 && 1 <= (high ?? -Infinity)) held++;
    }
    // Three standard errors of a share of 0.95.
    expect(Math.abs(held / cases - 0.95)).toBeLessThan(3 * Math.sqrt((0.95 * 0.05) / cases));
  });

  test('is said not to be there where one replicate says nothing of the spread', () => {
    expect(meanInterval([2])).toEqual({ estimate: 2, low: null, high: null, replicates: 1 });
    expect(signOf(meanInterval([2]))).toBeUndefined();
    expect(replicatesFor(meanInterval([2]), 1)).toBeUndefined();
  });

  test('tells a sign only where it does not hold 0', () => {
    expect(signOf(meanInterval([1, 1.1, 0.9]))).toBe('up');
    expect(signOf(meanInterval([-1, -1.1, -0.9]))).toBe('down');
    expect(signOf(meanInterval([-1, 1.1, 0.9]))).toBeUndefined();
  });

  test('says how many replicates would show a difference: as many as power by simulation asks for', () => {
    const random = new SeededRandom(6);
    const needed = replicatesFor(meanInterval(normals(random, 400)), 0.4) ?? 0;
    const tries = 1500;
    let shown = 0;
    for (let at = 0; at < tries; at++)
      if (signOf(meanInterval(normals(random, needed).map((value) => 0.4 + value))) === 'up') shown++;
    expect(shown / tries).toBeGreaterThan(0.74);
    expect(shown / tries).toBeLessThan(0.86);
  });
});

const sums = (watchSeconds: number, ratingSum: number): Sums => ({
  ...noTally.expected,
  requests: 10,
  ratings: 10,
  likes: 1,
  dismissals: 1,
  watchSeconds,
  ratingSum,
});
const replicate = (seed: number, control: readonly number[], arm: readonly number[]): Replicate => ({
  seed,
  arms: [['old', control] as const, ['new', arm] as const].map(([name, watched]) => ({
    arm: name,
    days: watched.map((seconds) => ({ expected: sums(seconds, 40), observed: sums(2 * seconds, 40) })),
  })),
});
const contrast = { arm: 'new', control: 'old' };

describe('the difference of two arms', () => {
  const replicates = [replicate(1, [100, 300], [110, 310]), replicate(2, [200, 200], [200, 240])];

  test('is a share of the control, paired within each replicate, over all days', () => {
    const [engagement, satisfaction] = effectsOf(replicates, contrast);
    expect(engagement?.byReplicate[0]).toBeCloseTo(420 / 400 - 1, 12);
    expect(engagement?.byReplicate[1]).toBeCloseTo(440 / 400 - 1, 12);
    expect(engagement?.expected.estimate).toBeCloseTo(0.075, 12);
    expect(engagement?.observed?.estimate).toBeCloseTo(0.075, 12);
    expect(satisfaction?.expected.estimate).toBe(0);
  });

  test('is not said of what nobody answered', () => {
    const silent = replicates.map(({ seed, arms }) => ({
      seed,
      arms: arms.map(({ arm, days }) => ({
        arm,
        days: days.map(({ expected, observed }) => ({ expected, observed: { ...observed, ratings: 0, ratingSum: 0 } })),
      })),
    }));
    const [engagement, satisfaction] = effectsOf(silent, contrast);
    expect(engagement?.observed).not.toBeNull();
    expect(satisfaction?.observed).toBeNull();
  });

  test('can be asked by day', () => {
    const days = effectByDay(replicates, contrast, 'engagement');
    expect(days[0]).toBeCloseTo((0.1 + 0) / 2, 12);
    expect(days[1]).toBeCloseTo((310 / 300 - 1 + 0.2) / 2, 12);
  });

  test('goes with levels that are means over replicates', () => {
    expect(levelsOf(replicates, 'old').engagement).toBeCloseTo(20, 12);
    expect(levelsOf(replicates, 'new').satisfaction).toBeCloseTo(4, 12);
  });

  test('of an arm that nobody knows is refused', () => {
    expect(() => effectsOf(replicates, { arm: 'other', control: 'old' })).toThrow('no arm other');
  });
});

describe('a published claim', () => {
  const claim: Claim = {
    says: 'new is better',
    ...contrast,
    measure: 'engagement',
    direction: 'up',
    published: 0.01,
  };
  const judgeGains = (gains: readonly number[]) =>
    judgeClaims(
      [claim],
      effectsOf(
        gains.map((gain, at) => replicate(at, [100], [100 * (1 + gain)])),
        contrast,
      ),
    )[0];
  const verdict = (gains: readonly number[]) => judgeGains(gains)?.verdict;

  test('shows where the interval lies on its side of 0', () => expect(verdict([0.01, 0.011, 0.012])).toBe('follows'));
  test('is the other way round on the other side', () => expect(verdict([-0.01, -0.011, -0.012])).toBe('opposite'));
  test('is open where the interval holds 0', () => expect(verdict([-0.01, 0.02, 0.012])).toBe('open'));
  test('is ruled out where the interval leaves no room for its size', () => {
    const ruledOut = (gains: readonly number[]) => judgeGains(gains)?.ruledOut;
    expect(ruledOut([-0.001, 0.001, 0])).toBe(true);
    expect(ruledOut([0.009, 0.011, 0.01])).toBe(false);
    expect(ruledOut([0.1])).toBe(false);
  });
  test('about an effect that was not measured is refused', () =>
    expect(() => judgeClaims([claim], [])).toThrow('no effect'));
});
