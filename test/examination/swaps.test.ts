import { describe, expect, test } from '@jest/globals';
import { examinationBySwaps, type SwapOutcome } from '../../training/examination/index.js';
import { swapLog, truth } from './platform.js';

const pair = (changes: Partial<SwapOutcome> = {}): SwapOutcome => ({
  cluster: 'u',
  position: 2,
  swapped: false,
  first: 0,
  there: 0,
  ...changes,
});

describe('examination by swaps', () => {
  test('is the ratio of outcomes at the position to those at the first, whatever items the order puts there', () => {
    // By hand: of 40 requests half are swapped; first place 20 positives, second place 10.
    const outcomes = Array.from({ length: 40 }, (_, i) =>
      pair({
        cluster: `u${i}`,
        swapped: i % 2 === 0,
        first: i < 20 ? 1 : 0,
        there: i >= 30 ? 1 : 0,
      }),
    );
    const [second] = examinationBySwaps(outcomes, { positions: 2 });
    expect(second).toMatchObject({ position: 2, requests: 40, outcomes: { there: 10, first: 20 } });
    expect(second!.estimate!.ratio).toBeCloseTo(0.5, 10);
  });

  test('finds the curve, which outcomes by position alone do not', () => {
    const outcomes = [...swapLog({ seed: 1, requests: 120_000, positions: 6 })];
    const found = examinationBySwaps(outcomes, { positions: 6 });
    for (const { position, estimate } of found) {
      expect(Math.abs(estimate!.ratio / truth(position) - 1)).toBeLessThan(0.08);
    }
    const kept = outcomes.filter(({ swapped, position }) => !swapped && position === 5);
    const naive = kept.reduce((sum, { there }) => sum + there, 0) / kept.reduce((sum, { first }) => sum + first, 0);
    expect(naive / truth(5)).toBeLessThan(0.6);
  });

  test('its interval holds the truth at its rate, with requests of one user depending on each other', () => {
    let [covered, all] = [0, 0];
    for (let seed = 0; seed < 150; seed++) {
      const found = examinationBySwaps(swapLog({ seed, requests: 3000, positions: 4, perUser: 10 }), { positions: 4 });
      for (const { position, estimate } of found) {
        const [low, high] = estimate!.interval!;
        all++;
        if (low <= truth(position) && truth(position) <= high) covered++;
      }
    }
    // 450 intervals at 95 %: three standard errors are 3 %.
    expect(covered / all).toBeGreaterThan(0.92);
    expect(covered / all).toBeLessThan(0.98);
  });

  test('is unbiased where a coin came down unevenly: halves count alike', () => {
    // The item at the top is clicked always, the other one never; three of four requests were swapped.
    const outcomes = Array.from({ length: 80 }, (_, i) => {
      const swapped = i % 4 !== 0;
      return pair({ cluster: `u${i}`, swapped, first: swapped ? 0 : 1, there: swapped ? 1 : 0 });
    });
    expect(examinationBySwaps(outcomes, { positions: 2 })[0]!.estimate!.ratio).toBeCloseTo(1, 10);
  });

  test('says how many more swaps would do, and they do', () => {
    const positions = 3;
    const few = examinationBySwaps(swapLog({ seed: 3, requests: 1500, positions }), { positions, precision: 0.1 });
    const missing = few.map((each) => each.missing!);
    expect(Math.min(...missing)).toBeGreaterThan(500);
    const requests = 1500 + (positions - 1) * Math.max(...missing);
    const enough = examinationBySwaps(swapLog({ seed: 3, requests, positions }), { positions, precision: 0.1 });
    for (const { estimate } of enough) {
      const [low, high] = estimate!.interval!;
      expect(Math.sqrt(high / low) - 1).toBeLessThan(0.115);
    }
  });

  test('says nothing of a position with next to no outcomes but what is missing', () => {
    const outcomes = Array.from({ length: 50 }, (_, i) =>
      pair({ cluster: `u${i}`, swapped: i % 2 === 0, first: i < 10 ? 1 : 0, there: i < 2 ? 1 : 0 }),
    );
    const [second, third] = examinationBySwaps(outcomes, { positions: 3 });
    expect(second!.estimate).toBeUndefined();
    expect(second!.missing).toBeGreaterThan(0);
    expect(third).toEqual({ position: 3, requests: 0, outcomes: { there: 0, first: 0 }, missing: third!.missing });
    expect(third!.missing).toBeGreaterThan(second!.missing!);
  });

  test('says nothing of a log without any, of one user, or of outcomes that never came', () => {
    expect(examinationBySwaps([], { positions: 2 })).toEqual([
      { position: 2, requests: 0, outcomes: { there: 0, first: 0 }, missing: undefined },
    ]);
    expect(examinationBySwaps([pair(), pair({ swapped: true })], { positions: 2 })[0]!.missing).toBeUndefined();
    const oneUser = Array.from({ length: 40 }, (_, i) => pair({ swapped: i % 2 === 0, first: 1, there: 1 }));
    expect(examinationBySwaps(oneUser, { positions: 2 })[0]!.estimate).toBeUndefined();
  });

  test('counts later positions as the last, and leaves out what is not known', () => {
    const outcomes = [pair({ position: 9 }), pair({ position: 3, first: Number.NaN, there: Number.NaN })];
    expect(examinationBySwaps(outcomes, { positions: 3 }).map(({ requests }) => requests)).toEqual([0, 1]);
  });
});
