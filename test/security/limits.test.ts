import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createBucket } from '../../src/security/index.js';
import { createUsage } from '../../src/security/limits.js';

const clock = () => {
  let ms = 1000;
  return { now: () => ms, pass: (by: number) => void (ms += by) };
};

describe('a bucket', () => {
  test('never lets more pass than it held and what came back since, whatever is asked when', () => {
    const step = fc.record({ waitMs: fc.integer({ min: 0, max: 400 }), amount: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 6, max: 20 }),
        fc.array(step, { maxLength: 60 }),
        (perSecond, capacity, steps) => {
          const time = clock();
          const bucket = createBucket({ perSecond, capacity, now: time.now });
          let [taken, passed] = [0, 0];
          for (const { waitMs, amount } of steps) {
            time.pass(waitMs);
            passed += waitMs;
            if (bucket.take(amount) === 0) taken += amount;
            expect(taken).toBeLessThanOrEqual(capacity + (passed / 1000) * perSecond + 1e-6);
          }
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  test('says how long to wait, and after that it is so', () => {
    const time = clock();
    const bucket = createBucket({ perSecond: 4, capacity: 2, now: time.now });
    expect([bucket.take(1), bucket.take(1), bucket.take(1)]).toEqual([0, 0, 250]);
    time.pass(249);
    expect(bucket.take(1)).toBeGreaterThan(0);
    time.pass(1);
    expect([bucket.take(1), bucket.left]).toEqual([0, 0]);
    time.pass(60_000);
    expect([bucket.left, bucket.fullInMs]).toEqual([2, 0]);
  });

  test('lends what is more than it can hold, and wants it back', () => {
    const time = clock();
    const bucket = createBucket({ perSecond: 100, capacity: 100, now: time.now });
    expect(bucket.take(500)).toBe(0);
    expect(bucket.left).toBe(0);
    expect(bucket.take(1)).toBeCloseTo(4010);
  });

  test('is not filled by a clock that goes back', () => {
    const time = clock();
    const bucket = createBucket({ perSecond: 1, capacity: 1, now: time.now });
    expect(bucket.take(1)).toBe(0);
    time.pass(-5000);
    expect(bucket.take(1)).toBeGreaterThan(0);
  });
});

describe('the limits of a key', () => {
  test('are of requests per second, at the same time, and of candidates', () => {
    const time = clock();
    const usage = createUsage({ requestsPerSecond: 2, burst: 3, concurrent: 2, candidatesPerSecond: 100 }, time.now);
    expect([usage.enter(), usage.enter()]).toEqual([undefined, undefined]);
    expect(usage.enter()).toMatchObject({ limit: 'concurrent' });
    usage.leave();
    expect(usage.enter()).toBeUndefined();
    usage.leave();
    expect(usage.enter()).toEqual({ limit: 'requests', retryAfterMs: 500 });
    expect(usage.spend(100)).toBeUndefined();
    expect(usage.spend(50)).toEqual({ limit: 'candidates', retryAfterMs: 500 });
  });

  test('stand in the answer as the fields of the standard', () => {
    const time = clock();
    const usage = createUsage({ requestsPerSecond: 10, burst: 40 }, time.now);
    usage.enter();
    expect(usage.headers()).toEqual({ 'RateLimit-Policy': '"requests";q=40;w=4', RateLimit: '"requests";r=39;t=1' });
    expect(createUsage({ concurrent: 3 }, time.now).headers()).toEqual({});
  });
});
