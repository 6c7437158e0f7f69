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
  /** Why it cannot run here; undefined if it can. */
  readonly lacks?: () => Promise<string | undefined>;
  readonly run: (lab: Lab) => Promise<Finding>;
}

/** Of requests that were due outside of warm-up phases. */
export const countedPhases = ({ summaries }: Drive): Drive['summaries'] =>
  summaries.filter(({ name }) => name !== warmUp);

export const warmUp = 'warm-up';
