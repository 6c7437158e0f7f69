import type { SeededRandom } from '../../src/random.js';
import type { Phase } from './phases.js';

/** Poisson: gaps as independent people make them. Uniform: even gaps. */
export type ArrivalProcess = 'poisson' | 'uniform';

/**
 * When every request is due, in milliseconds from the start, ascending: all of it is known before the first one is sent, so that
 * nothing that a service does can move it.
 *
 * Arrivals of rate 1 are drawn in the number of expected requests (L) and brought to time through the inverse of L(t), which within
 * a phase from rate a to rate b over T seconds is a t + (b - a) t² / 2T. It serves both processes and every shape of load.
 */
export const arrivalTimesMs = (options: {
  readonly phases: readonly Phase[];
  readonly process: ArrivalProcess;
  readonly random: SeededRandom;
}): Float64Array => {
  const { phases, process, random } = options;
  const gap = process === 'uniform' ? () => 1 : () => -Math.log(1 - random.next() / 2 ** 32);
  const times: number[] = [];
  let due = gap();
  let offered = 0;
  let fromSeconds = 0;
  for (const { seconds, rate, toRate = rate } of phases) {
    const acceleration = (toRate - rate) / seconds;
    const until = offered + (seconds * (rate + toRate)) / 2;
    for (; due < until; due += gap()) times.push(1000 * (fromSeconds + timeOf(due - offered, rate, acceleration)));
    offered = until;
    fromSeconds += seconds;
  }
  return Float64Array.from(times);
};

/** The t at which rate·t + acceleration·t²/2 is `expected`; in the form that loses no digits where the acceleration is small. */
const timeOf = (expected: number, rate: number, acceleration: number): number =>
  expected === 0 ? 0 : (2 * expected) / (rate + Math.sqrt(Math.max(0, rate * rate + 2 * acceleration * expected)));
