import { describe, expect, test } from '@jest/globals';
import { arrivalTimesMs, expectedRequests, phaseBounds, type Phase } from '../../load-tests/generator/index.js';
import { SeededRandom } from '../../src/random.js';

const timesOf = (phases: readonly Phase[], process: 'poisson' | 'uniform' = 'uniform', seed = 1): number[] => [
  ...arrivalTimesMs({ phases, process, random: new SeededRandom(seed) }),
];
const gapsOf = (times: readonly number[]): number[] => times.slice(1).map((time, at) => time - times[at]!);

describe('times of requests', () => {
  test('that are uniform come at even gaps, across phases of one rate too', () => {
    const times = timesOf([
      { name: 'a', seconds: 2, rate: 50 },
      { name: 'b', seconds: 2, rate: 50 },
    ]);
    expect(times.length).toBeGreaterThanOrEqual(199);
    for (const gap of gapsOf(times)) expect(gap).toBeCloseTo(20, 6);
  });

  test('that are Poisson come as often, with gaps that are exponential', () => {
    const phases = [{ name: 'a', seconds: 400, rate: 50 }];
    const times = timesOf(phases, 'poisson');
    expect(Math.abs(times.length - 20_000)).toBeLessThan(4 * Math.sqrt(20_000));
    const gaps = gapsOf(times);
    for (const multiple of [0.5, 1, 2]) {
      const share = gaps.filter((gap) => gap > 20 * multiple).length / gaps.length;
      expect(Math.abs(share - Math.exp(-multiple))).toBeLessThan(0.02);
    }
  });

  test('follow a rate that changes evenly: the integral of the rate up to each is its number', () => {
    const phase = { name: 'ramp', seconds: 10, rate: 10, toRate: 90 };
    const times = timesOf([phase]);
    expect(Math.abs(times.length - expectedRequests([phase]))).toBeLessThanOrEqual(1);
    times.forEach((time, at) => {
      // The integral by small steps, not by the formula under test.
      let offered = 0;
      const steps = 2000;
      for (let step = 0; step < steps; step++) {
        const seconds = ((step + 0.5) / steps) * (time / 1000);
        offered += ((10 + 8 * seconds) * (time / 1000)) / steps;
      }
      expect(offered).toBeCloseTo(at + 1, 3);
    });
  });

  test('fall to no rate and rise again without an end', () => {
    const times = timesOf([
      { name: 'down', seconds: 4, rate: 100, toRate: 0 },
      { name: 'rest', seconds: 2, rate: 0 },
      { name: 'up', seconds: 4, rate: 0, toRate: 100 },
    ]);
    expect(times.every(Number.isFinite)).toBe(true);
    expect(times.filter((time) => time > 4001 && time < 5999)).toEqual([]);
    expect(Math.abs(times.length - 400)).toBeLessThanOrEqual(2);
  });

  test('ascend, lie within the phases, and depend on the seed alone', () => {
    const phases = [
      { name: 'a', seconds: 3, rate: 20 },
      { name: 'b', seconds: 1, rate: 300, toRate: 20 },
    ];
    const times = timesOf(phases, 'poisson', 7);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(phaseBounds(phases).at(-1)!.untilMs);
    expect(timesOf(phases, 'poisson', 7)).toEqual(times);
    expect(timesOf(phases, 'poisson', 8)).not.toEqual(times);
  });
});
