import { WatchnextError } from '../../src/errors.js';
import type { Drive, Lab } from './lab.js';

/** What a scenario found. */
export interface Finding {
  readonly drive: Drive;
  /** By name, for thresholds and comparisons. */
  readonly measures: Readonly<Record<string, number>>;
  /** What the numbers depend on, or do not show. */
  readonly notes?: readonly string[];
  /** The service's own, as it printed them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Scenario {
  readonly about: string;
  /** Roughly, for people: seconds in full and in quick form, without saturation. */
  readonly takesSeconds: readonly [full: number, quick: number];
  /** Whether its rates are shares of saturation, whatever --rate says. */
  readonly sharesOfSaturation: boolean;
  /** Rejects with {@link Lacking} where it cannot run. */
  readonly run: (lab: Lab) => Promise<Finding>;
}

/** The machine lacks what the scenario needs: it is skipped, and says why in one line. */
export class Lacking extends Error {}

/** What starts a server that not every machine can start: what people are told becomes why it is skipped. */
export const orLacking = async <T>(start: () => Promise<T>): Promise<T> => {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof WatchnextError)) throw error;
    const [problem] = error.problems;
    throw new Lacking([error.message, ...(problem ? [`${problem.path} ${problem.message}`] : [])].join(': '));
  }
};

/** Of requests that were due outside of warm-up phases. */
export const countedPhases = ({ summaries }: Drive): Drive['summaries'] =>
  summaries.filter(({ name }) => name !== warmUp);

export const warmUp = 'warm-up';
