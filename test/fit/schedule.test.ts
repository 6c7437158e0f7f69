import { expect, test } from '@jest/globals';
import { learningRateFactor } from '../../training/fit/schedule.js';

const at = (progress: number, step = 1000): { step: number; progress: number } => ({ step, progress });

test('a linear schedule falls to nothing over the whole run, or over its last share only', () => {
  expect([0, 0.5, 1].map((p) => learningRateFactor({ schedule: 'linear' }, at(p)))).toEqual([1, 0.5, 0]);
  const last = { schedule: 'linear', decay_share: 0.25 } as const;
  expect([0, 0.5, 0.75, 0.875, 1].map((p) => learningRateFactor(last, at(p)))).toEqual([1, 1, 1, 0.5, 0]);
});

test('a cosine schedule is halfway down in the middle and flat at both ends', () => {
  const cosine = { schedule: 'cosine' } as const;
  expect(learningRateFactor(cosine, at(0))).toBeCloseTo(1, 12);
  expect(learningRateFactor(cosine, at(0.5))).toBeCloseTo(0.5, 12);
  expect(learningRateFactor(cosine, at(1))).toBeCloseTo(0, 12);
  expect(1 - learningRateFactor(cosine, at(0.01))).toBeLessThan(0.001);
});

test('warm-up rises by equal steps and multiplies the schedule', () => {
  const warm = { schedule: 'linear', warmup_steps: 4 } as const;
  expect([0, 1, 2, 3, 4].map((step) => learningRateFactor(warm, at(0, step)))).toEqual([0.25, 0.5, 0.75, 1, 1]);
  expect(learningRateFactor(warm, at(0.5, 1))).toBe(0.25);
});
