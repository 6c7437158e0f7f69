import type { ArrivalProcess } from './generator/index.js';

/** The rate that a scenario holds: requests a second, or a share of what the service can answer at most. */
export type Rate = { readonly perSecond: number } | { readonly share: number };

/** `120` or `50%`; undefined for anything else. */
export const parseRate = (text: string): Rate | undefined => {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(number);
  if (number === undefined || value <= 0) return undefined;
  return percent === '%' ? { share: value / 100 } : { perSecond: value };
};

/** What all scenarios of a run share. */
export interface LoadOptions {
  /** What the steady parts hold. */
  readonly rate: Rate;
  /** Length of a scenario's main part, in place of its own. */
  readonly seconds?: number;
  /** Shorter phases: enough to see that something broke, not to quote. */
  readonly quick: boolean;
  readonly definition: string;
  readonly candidates: number;
  readonly users: number;
  readonly items: number;
  readonly exponent: number;
  readonly arrivals: ArrivalProcess;
  readonly connections: number;
  readonly seed: number;
  /** Settings of the service, as flags without their dashes. */
  readonly settings: Readonly<Record<string, string>>;
  /** The checkout whose service is measured. */
  readonly root: string;
}

export const standardOptions: Omit<LoadOptions, 'root'> = {
  rate: { share: 0.5 },
  quick: false,
  definition: 'models/kuairand/ranker.yaml',
  candidates: 200,
  users: 10_000,
  items: 20_000,
  exponent: 1,
  arrivals: 'poisson',
  connections: 256,
  seed: 1,
  settings: {},
};
