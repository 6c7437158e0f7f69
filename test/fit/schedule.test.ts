import { describe, expect, test } from '@jest/globals';
import { learningRateFactor } from '../../training/fit/schedule.js';

describe('the learning rate', () => {
  test('stays where it is by default', () => {
    expect(learningRateFactor({}, { step: 0, progress: 0 })).toBe(1);
    expect(learningRateFactor({}, { step: 1e6, progress: 1 })).toBe(1);
  });

  test('rises in equal steps to its full height while warming up', () => {
    const factors = [0, 1, 2, 3, 4].map((step) => learningRateFactor({ warmup_steps: 4 }, { step, progress: 0 }));
    expect(factors).toEqual([0.25, 0.5, 0.75, 1, 1]);
  });

  test('falls to nothing, in a line or along half a cosine', () => {
    const at = (schedule: 'linear' | 'cosine', progress: number): number =>
      learningRateFactor({ schedule }, { step: 0, progress });
    expect([0, 0.25, 0.5, 1].map((progress) => at('linear', progress))).toEqual([1, 0.75, 0.5, 0]);
    expect(at('cosine', 0)).toBeCloseTo(1, 12);
    expect(at('cosine', 0.25)).toBeCloseTo(0.5 + Math.SQRT1_2 / 2, 12);
    expect(at('cosine', 0.5)).toBeCloseTo(0.5, 12);
    expect(at('cosine', 1)).toBeCloseTo(0, 12);
  });

  test('falls over the last share of the run only, where one is given', () => {
    const at = (schedule: 'linear' | 'cosine', progress: number): number =>
      learningRateFactor({ schedule, decay_share: 0.2 }, { step: 0, progress });
    for (const schedule of ['linear', 'cosine'] as const) {
      expect(at(schedule, 0.5)).toBeCloseTo(1, 12);
      expect(at(schedule, 0.8)).toBeCloseTo(1, 12);
      expect(at(schedule, 0.9)).toBeCloseTo(0.5, 12);
      expect(at(schedule, 1)).toBeCloseTo(0, 12);
    }
  });
});
