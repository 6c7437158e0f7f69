import type { RankerDefinition, ScoreDefinition } from '../definition/index.js';
import type { Problem } from '../errors.js';

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

/** An exposure as it is in the event log. */
export interface ToldExposure extends Exposed {
  readonly userId: string | number;
  /** Event time of the first ranking under the arm, milliseconds since the epoch. */
  readonly time: number;
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
  /** For the log lines that it brings about. */
  readonly requestId?: string;
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
  /** Whatever a user can get now, of arms, defaults and forced values: who loads versions looks here. */
  armSettings(): readonly ArmSettings[];
  close(): Promise<void>;
}

/** What arms may name. */
export interface ArmCatalogue {
  rankers(): readonly string[];
  /** Undefined for a ranker that there is none of, or whose definition is not known. */
  definitionOf(ranker: string): RankerDefinition | undefined;
  /** Sealed versions; none for a ranker that there is none of. */
  versions(ranker: string): readonly string[];
  /** Whether its active version was learned from the stream, as far as that is known: then it goes on, and a pinned one does not. */
  learns(ranker: string): boolean;
}

/** A part of a layer: of all users, hashed with the layer's name, those from one share up to another. */
export interface LayerPart {
  /** GrowthBook's two ways of writing one: an experiment has one namespace, or any number of filters. */
  readonly kind: 'namespace' | 'filter';
  readonly layer: string;
  /** Each from (with) and to (without), 0 to 1. */
  readonly ranges: readonly (readonly [number, number])[];
}

export interface PlannedArm {
  readonly key: string;
  readonly name?: string;
  /** Of those who take part, 0 to 1: what a sample-ratio check expects. */
  readonly share: number;
  /** Undefined in an experiment that others depend on, such as a holdout: its arms change nothing themselves. */
  readonly settings: ArmSettings | undefined;
  /** As it is written: what prerequisites look at. */
  readonly value: unknown;
}

/** An experiment as it is configured. */
export interface PlannedExperiment {
  readonly key: string;
  readonly name?: string;
  readonly feature: string;
  readonly phase: string;
  readonly arms: readonly PlannedArm[];
  /** Share of its layer's part (or of all who are aimed at) that takes part, 0 to 1. */
  readonly coverage: number;
  readonly layers: readonly LayerPart[];
  /** Whether a condition or a prerequisite limits who takes part. */
  readonly targeted: boolean;
  /** False where it is switched off: nobody takes part. */
  readonly active: boolean;
}

/** A configuration that may apply: checked, and frozen in what it does. */
export interface Configuration {
  readonly experiments: readonly PlannedExperiment[];
  /** Whatever a user can get: of arms, defaults and forced values. */
  readonly settings: readonly ArmSettings[];
  /** What is allowed and may not be meant. */
  readonly notes: readonly Problem[];
  readonly assign: (subject: Subject) => Assignment;
}
