import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  concatBatches,
  createFeatureReader,
  createFeatureState,
  encodeFeatureBatch,
  restoreFeatureState,
  selectRequests,
  type FeatureBatch,
} from '../../src/features/index.js';
import { everyKind, simulateLog, type Logged } from './world.js';

const delays = ['0s', '1h', '1d'] as const;

/** Offline: all requests in one call, outcomes observed after each. */
function replayAtOnce(log: readonly Logged[], delay: string): FeatureBatch {
  const definition = everyKind(delay);
  const state = createFeatureState(definition);
  return createFeatureReader({ definition, state }).read(
    log.map(({ input }) => input),
    (index) => state.observe(log[index]!.outcomes),
  );
}

/** The bytes of everything that was read for one request. */
const bytesOf = (batch: FeatureBatch, request: number): string => textOf(selectRequests(batch, [request]));

/** Compared as text: Jest takes milliseconds to compare two arrays. */
const textOf = (batch: FeatureBatch): string => Buffer.from(encodeFeatureBatch(batch)).toString('latin1');

describe.each(delays)('a log replayed with feedback delay %s', (delay) => {
  test('reads the same bytes one request at a time as all at once', () => {
    const log = simulateLog(120, 7);
    const definition = everyKind(delay);
    const state = createFeatureState(definition);
    const online = log.map(({ input, outcomes }) => {
      const batch = createFeatureReader({ definition, state }).read([input]);
      state.observe(outcomes);
      return batch;
    });
    expect(textOf(concatBatches(online)) === textOf(replayAtOnce(log, delay))).toBe(true);
  });

  test('reads the same bytes when the service restarts from a snapshot in the middle', () => {
    const log = simulateLog(120, 8);
    const definition = everyKind(delay);
    let state = createFeatureState(definition);
    const online = log.map(({ input, outcomes }, i) => {
      if (i % 13 === 12) state = restoreFeatureState(definition, state.snapshot());
      const batch = createFeatureReader({ definition, state }).read([input]);
      state.observe(outcomes);
      return batch;
    });
    expect(textOf(concatBatches(online)) === textOf(replayAtOnce(log, delay))).toBe(true);
  });

  test('shows no row its own outcome, nor that of any row at its time or later', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.nat({ max: 39 }), (seed, at) => {
        const log = simulateLog(40, seed);
        const now = log[at]!.input.time;
        const other = log.map(({ input, outcomes }) => ({
          input,
          outcomes:
            input.time < now
              ? outcomes
              : outcomes.map((o) => ({ ...o, labels: { click: 1 - o.labels['click']!, watch: 12345 } })),
        }));
        const before = replayAtOnce(log, delay);
        const after = replayAtOnce(other, delay);
        log.forEach(({ input }, i) => {
          if (input.time <= now) expect(bytesOf(after, i) === bytesOf(before, i)).toBe(true);
        });
      }),
      { seed: 1, numRuns: 20 },
    );
  });

  test('shows no row anything of rows that come later', () => {
    const log = simulateLog(60, 9);
    const whole = replayAtOnce(log, delay);
    const part = replayAtOnce(log.slice(0, 30), delay);
    for (let i = 0; i < 30; i++) expect(bytesOf(part, i) === bytesOf(whole, i)).toBe(true);
  });
});

test('outcomes do change what is read once they are visible, so the tests above can fail', () => {
  const log = simulateLog(60, 10);
  const inverted = log.map(({ input, outcomes }) => ({
    input,
    outcomes: outcomes.map((o) => ({ ...o, labels: { click: 1 - o.labels['click']!, watch: 1 } })),
  }));
  for (const delay of delays) {
    expect(bytesOf(replayAtOnce(log, delay), 59) === bytesOf(replayAtOnce(inverted, delay), 59)).toBe(false);
  }
});
