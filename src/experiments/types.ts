import type { ScoreDefinition } from '../definition/index.js';

/** What an arm changes; what it leaves out is as without it. Arms of one request that say the same thing are refused at load. */
export interface ArmSettings {
  readonly ranker?: string;
  /** Of the ranker, sealed; the active one if left out. */
  readonly version?: string;
  /** By head, in place of the definition's, within its bounds. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly form?: ScoreDefinition['form'];
  readonly exploration?: ExplorationSettings;
  /** How many items to answer at most. */
  readonly limit?: number;
  /** What a request is answered in if it cannot be scored: smoothed rates where there are any, or the caller's order. */
  readonly fallback?: 'rates' | 'request';
}

/** How an order is varied so that the log can say what another order would have brought. */
export interface ExplorationSettings {
  /** Share of requests ranked by score with Gumbel noise (Plackett-Luce sampling), 0 to 1. */
  readonly share?: number;
  /** Of the noise, on the log of a product score or on a sum score as it is; over 0. */
  readonly temperature?: number;
  /** Share of requests in which the first item may change places with one below, to measure examination by position. */
  readonly swaps?: number;
}

/** One experiment that a user takes part in. */
export interface Exposed {
  readonly experiment: string;
  readonly arm: string;
  /** A new phase is a new start of the same experiment: whoever changes weights or seed begins one. */
  readonly phase: string;
}

/** What applies to one request. */
export interface Assignment {
  /** By experiment: the arm's key. */
  readonly arms: Readonly<Record<string, string>>;
  /** Of all arms, features and overrides together. */
  readonly settings: ArmSettings;
  /** Without those that a tester was put into by hand: they are in `arms`, and in no report. */
  readonly exposed: readonly Exposed[];
}

/** Who asks, as targeting sees it. */
export interface Subject {
  /** Undefined or empty: gets the defaults and is counted, never assigned. */
  readonly userId: string | number | undefined;
  /** Plain values of the user and the context: what conditions are about. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What is configured now; for people and for `/v1/experiments`. */
export interface ExperimentStatus {
  readonly source: string;
  /** ISO time of the configuration that applies; undefined if there never was one. */
  readonly loadedAt: string | undefined;
  readonly experiments: readonly { readonly key: string; readonly phase: string; readonly arms: readonly string[] }[];
  /** Why the newest configuration was not taken; undefined if it was. */
  readonly refused: { readonly at: string; readonly problems: readonly string[] } | undefined;
}

/** The experiments of a service. `assign` is pure in the configuration: same user, same arms, in every process. */
export interface Experiments {
  assign(subject: Subject): Assignment;
  status(): ExperimentStatus;
  close(): Promise<void>;
}
