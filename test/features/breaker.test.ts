import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createBreaker, type CallOutcome } from '../../src/features/stores/breaker.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const never = (): Promise<never> => new Promise(() => undefined);
const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'answered',
    (error: unknown) => (error as { outcome: unknown }).outcome,
  );

/** Something on another machine that a test makes answer, hang or fail. */
const setup = async () => {
  const far = { answers: () => Promise.resolve('pong') as Promise<unknown>, asked: 0 };
  const heard: string[] = [];
  const outcomes: CallOutcome[] = [];
  const breaker = createBreaker({
    probe: () => far.answers(),
    probeTimeoutMs: 20,
    probeEveryMs: 250,
    failures: 3,
    onOutcome: (outcome) => void outcomes.push(outcome),
    onAway: (reason) => void heard.push(`away: ${reason}`),
    onBack: () => void heard.push('back'),
  });
  const call = (): Promise<unknown> =>
    breaker.call(() => {
      far.asked++;
      return far.answers();
    }, 20);
  await breaker.probe();
  return { breaker, call, far, heard, outcomes };
};

describe('a breaker', () => {
  test('makes no call before the first probe is answered', async () => {
    const breaker = createBreaker({ probe: never, probeTimeoutMs: 20 });
    expect(breaker.isAvailable).toBe(false);
    await expect(breaker.call(() => Promise.resolve(1), 20)).rejects.toMatchObject({ outcome: 'skipped' });
    breaker.close();
  });

  test('passes answers and reasons on', async () => {
    const { call, far, outcomes } = await setup();
    await expect(call()).resolves.toBe('pong');
    far.answers = () => Promise.reject(new Error('out of memory'));
    await expect(call()).rejects.toMatchObject({ outcome: 'failed', message: 'out of memory' });
    expect(outcomes).toEqual(['answered', 'failed']);
  });

  test('waits for a timeout three times, then for nothing; a probe finds that it answers again', async () => {
    const { breaker, call, far, heard } = await setup();
    far.answers = never;
    for (let failure = 1; failure <= 3; failure++) {
      expect(breaker.isAvailable).toBe(true);
      const outcome = outcomeOf(call());
      await jest.advanceTimersByTimeAsync(25);
      expect(await outcome).toBe('timeout');
    }
    expect(breaker.isAvailable).toBe(false);
    expect(far.asked).toBe(3);
    for (let i = 0; i < 100; i++) expect(await outcomeOf(call())).toBe('skipped');
    expect(far.asked).toBe(3);
    await jest.advanceTimersByTimeAsync(5000);
    expect(breaker.isAvailable).toBe(false);
    far.answers = () => Promise.resolve('pong');
    await jest.advanceTimersByTimeAsync(300);
    expect(breaker.isAvailable).toBe(true);
    expect(await outcomeOf(call())).toBe('answered');
    expect(heard).toEqual(['back', 'away: no answer within 20 ms', 'back']);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('counts failures in a row, not altogether', async () => {
    const { breaker, call, far } = await setup();
    for (let i = 0; i < 10; i++) {
      far.answers = i % 3 === 2 ? () => Promise.resolve('pong') : () => Promise.reject(new Error('no'));
      await outcomeOf(call());
    }
    expect(breaker.isAvailable).toBe(true);
  });

  test('told that the other side is gone makes no call, and hears no second time of it', async () => {
    const { breaker, call, far, heard } = await setup();
    breaker.trip('connection closed');
    breaker.trip('still closed');
    expect(await outcomeOf(call())).toBe('skipped');
    expect(far.asked).toBe(0);
    expect(heard).toEqual(['back', 'away: connection closed']);
  });

  test('does not blame the other side for what arrived while this process was busy', async () => {
    jest.useRealTimers();
    const { breaker } = await setup();
    // The answer is in time; it is only taken up when the event loop is free again, after the timer is due.
    const inTime = breaker.call(
      () => new Promise((resolve) => setTimeout(() => setImmediate(resolve, 'in time'), 1)),
      5,
    );
    const busyUntil = performance.now() + 30;
    while (performance.now() < busyUntil);
    await expect(inTime).resolves.toBe('in time');
    breaker.close();
  });

  test('probes no more once it is closed', async () => {
    const { breaker, far } = await setup();
    far.answers = never;
    breaker.trip('gone');
    breaker.close();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(jest.getTimerCount()).toBe(0);
    expect(breaker.isAvailable).toBe(false);
  });
});
