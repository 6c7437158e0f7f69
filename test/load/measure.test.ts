import { describe, expect, test } from '@jest/globals';
import { latencyMs, outcomeOf, type Recording } from '../../load-tests/generator/index.js';
import {
  distribution,
  judge,
  latenciesOf,
  median,
  quantile,
  regressionSlope,
  sortedValues,
  summarise,
  summarisePhases,
  timelineOf,
  verdictText,
} from '../../load-tests/measure/index.js';
import { SeededRandom } from '../../src/random.js';

const random = new SeededRandom(5);
const values = Array.from({ length: 997 }, () => (random.next() / 2 ** 32) ** 3 * 500);

describe('quantiles', () => {
  test.each([0.01, 0.5, 0.9, 0.99, 0.999, 1])('%d: the smallest value that so many are not above', (share) => {
    const found = quantile(sortedValues(values), share);
    const notAbove = (limit: number): number => values.filter((value) => value <= limit).length / values.length;
    expect(notAbove(found)).toBeGreaterThanOrEqual(share);
    expect(values).toContain(found);
    const below = values.filter((value) => value < found);
    if (below.length > 0) expect(notAbove(Math.max(...below))).toBeLessThan(share);
  });

  test('of none are not numbers, and values that are none do not count', () => {
    expect(summarise([]).p99Ms).toBeNaN();
    expect(summarise([NaN, 4, NaN]).count).toBe(1);
  });

  test('as a distribution ascend to the largest value, ever finer', () => {
    const points = distribution(values);
    expect(points.at(-1)).toMatchObject({ percentile: 100, count: 997 });
    expect(points.at(-1)?.ms).toBeCloseTo(Math.max(...values), 3);
    for (const [at, { percentile, ms }] of points.entries()) {
      if (at > 0) expect(percentile).toBeGreaterThan(points[at - 1]!.percentile);
      if (at > 0) expect(ms).toBeGreaterThanOrEqual(points[at - 1]!.ms);
    }
    expect(points.filter(({ percentile }) => percentile > 99 && percentile < 100).length).toBeGreaterThan(3);
    expect(distribution([])).toEqual([]);
  });

  test('in the middle are the mean of two where there are two', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, NaN]);
  });
});

describe('a regression', () => {
  test('finds the slope of a line, with noise around it or not', () => {
    const line = Array.from({ length: 60 }, (_, x): [number, number] => [x, 300 + 1.5 * x]);
    expect(regressionSlope(line)).toBeCloseTo(1.5, 9);
    const noisy = line.map(([x, y], at): [number, number] => [x, y + (at % 2 === 0 ? 4 : -4)]);
    expect(Math.abs(regressionSlope(noisy) - 1.5)).toBeLessThan(0.05);
  });

  test('is flat where nothing grows or there is one point', () => {
    expect(regressionSlope([[1, 5]])).toBe(0);
    expect(regressionSlope([1, 2, 3].map((x): [number, number] => [x, 7]))).toBe(0);
  });
});

/** Requests as [due, ended, status, mark]. */
const recordingOf = (requests: readonly (readonly [number, number, number, number?])[]): Recording => ({
  startedAtMs: 0,
  dueMs: Float64Array.from(requests, ([due]) => due),
  reachedMs: Float64Array.from(requests, ([due]) => due),
  endedMs: Float64Array.from(requests, ([, ended]) => ended),
  status: Int16Array.from(requests, ([, , status]) => status),
  mark: Uint8Array.from(requests, ([, , , mark = 0]) => mark),
  cpuSeconds: 0,
});

describe('what became of requests', () => {
  const recording = recordingOf([
    [100, 150, 200],
    [200, 1300, 200],
    [900, 910, 503],
    [1100, 1110, 200, 1],
    [1200, 1240, 200, 2],
    [1900, NaN, -1],
    [2500, 2510, 500],
  ]);
  const phases = [
    { name: 'a', seconds: 1, rate: 3 },
    { name: 'b', seconds: 1, rate: 3 },
    { name: 'a', seconds: 1, rate: 1 },
  ];

  test('is told apart by status and mark', () => {
    const outcomes = [...recording.dueMs.keys()].map((request) => outcomeOf(recording, request));
    expect(outcomes).toEqual(['ok', 'ok', 'refused', 'fallback', 'degraded', 'failed', 'failed']);
  });

  test('counts in the phases in which they were due; throughput in those in which answers came', () => {
    const [a, b] = summarisePhases(recording, phases);
    expect(a).toMatchObject({ name: 'a', seconds: 2, requests: 4, offeredPerSecond: 2, okPerSecond: 0.5 });
    expect(a?.outcomes).toEqual({ ok: 2, fallback: 0, degraded: 0, refused: 1, failed: 1 });
    expect(a?.latency).toMatchObject({ count: 2, p50Ms: 50, maxMs: 1100 });
    // The answer of the late one, and the degraded one.
    expect(b).toMatchObject({ requests: 3, okPerSecond: 2 });
    expect(latenciesOf(recording, phases, { name: 'b', of: ['fallback'] })).toEqual([10]);
  });

  test('is told second by second, until the last answer', () => {
    const seconds = timelineOf(recording);
    expect(seconds.map(({ offered }) => offered)).toEqual([3, 3, 1]);
    expect(seconds[0]).toMatchObject({ p50Ms: 50, maxMs: 1100, outcomes: { ok: 1, refused: 1 } });
    expect(seconds[1]).toMatchObject({ outcomes: { ok: 1, fallback: 1, degraded: 1, failed: 1 }, maxMs: 40 });
    expect(seconds[2]?.p99Ms).toBeNull();
  });

  test('takes from when a request was due', () => {
    expect(latencyMs({ dueMs: Float64Array.of(100), endedMs: Float64Array.of(700) }, 0)).toBe(600);
  });
});

describe('a threshold', () => {
  const judged = (value: number | undefined, limit: { atMost: number } | { atLeast: number }) =>
    judge(value === undefined ? {} : { x: value }, [{ measure: 'x', reason: 'y', ...limit }])[0]!;
  test.each([
    [10, { atMost: 10 }, true, 'x is 10, at most 10'],
    [12.5, { atMost: 10 }, false, 'x is 12.5, it should be at most 10: 25 % over'],
    [2, { atMost: 0 }, false, 'x is 2, it should be at most 0: 2 over'],
    [0.9, { atLeast: 0.95 }, false, 'x is 0.9, it should be at least 0.95: 5 % under'],
    [1, { atLeast: 0.95 }, true, 'x is 1, at least 0.95'],
    [NaN, { atMost: 10 }, false, 'x was not measured, it should be at most 10'],
    [undefined, { atLeast: 1 }, false, 'x was not measured, it should be at least 1'],
  ])('for %d of %j is held: %s', (value, limit, held, text) => {
    const verdict = judged(value, limit);
    expect([verdict.held, verdictText(verdict)]).toEqual([held, text]);
  });
});
