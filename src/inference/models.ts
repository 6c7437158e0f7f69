import type { RefusedCandidate, Sources } from '../artifact/index.js';
import type { RankerDefinition } from '../definition/index.js';
import type { Profile } from '../drift/index.js';
import type { Candidate, FeatureBatch, FeatureCounters, RankingInput } from '../features/index.js';
import type { UpdateFacts } from './chains.js';
import type { FreshnessSummary } from './freshness.js';
import type { Scorer } from './types.js';

/** One version, loaded: everything that belongs together when a request is ranked by it. */
export interface ServedModel {
  readonly ranker: string;
  /** `<version>`, or `<version>+<n>` with the first n of its deltas applied. */
  readonly version: string;
  /** What the deltas brought; absent for a version as it was sealed. */
  readonly delta?: UpdateFacts & { readonly base: string };
  readonly definition: RankerDefinition;
  /** When it was sealed, and on what; for people. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Where the rows came from that it learned from the stream; absent where it learned none. */
  readonly sources?: Sources;
  /** What was usual where it was trained, as it was sealed; absent where that was not kept. */
  readonly profile?: Profile;
  readonly reader: { read(inputs: readonly RankingInput<Candidate>[]): FeatureBatch };
  readonly scorer: Scorer;
  /** What the reader met; read and zeroed at each scrape. */
  readonly counters?: FeatureCounters;
  /**
   * The model with the deltas that wait, `through` of them at most from the first on: verified, ready to take this one's
   * place, reading the same feature state. Undefined if none waits. Rejects with the reason if a delta must not serve; this
   * model is as it was then. One call at a time, and no more once the next one was taken.
   */
  readonly next?: (through?: number) => Promise<ServedModel | undefined>;
  /** Waits for batches in flight, then frees everything. */
  close(): Promise<void>;
}

/** A version that was not put into service here, and why. */
export interface Refusal {
  readonly version: string;
  readonly code: string;
  readonly reason: string;
  readonly at: string;
}

export interface RankerStatus {
  readonly ranker: string;
  /** The sealed version that answers now; undefined while none could be loaded. */
  readonly active: string | undefined;
  /** The same with the deltas that were applied, as answers name it. */
  readonly version?: string;
  /** How many deltas were applied. */
  readonly delta?: number;
  /** ISO time: everything that was learned happened before. */
  readonly learnedUntil?: string;
  /** Of the last feedback that was learned from. */
  readonly freshness?: FreshnessSummary;
  readonly versions: readonly string[];
  readonly about?: Readonly<Record<string, unknown>>;
  readonly device?: string;
  /** The last version that was refused, until another one is put into service. */
  readonly refused?: Refusal;
  /** Versions that arms name: they serve beside the active one, as they were sealed, unless they were refused. */
  readonly pinned?: readonly { readonly version: string; readonly refused?: Refusal }[];
  /** What the registry keeps of what was refused or withdrawn, oldest first. */
  readonly refusals?: readonly RefusedCandidate[];
}

/** The rankers of this service and the version that serves each. */
export interface Rankers {
  /** True when every ranker that has an active version serves one. */
  readonly ready: boolean;
  /** Why it is not ready, in words for people; undefined when it is. */
  readonly notReady: string | undefined;
  /** The definitions of the versions that serve now. */
  readonly definitions: readonly RankerDefinition[];
  /**
   * Runs work with the serving version of a ranker, which stays loaded until the work is done whatever is activated
   * meanwhile. Without a name: the default ranker. With a version: that one, which must be among the pinned ones, as it was
   * sealed. Throws ranker_unknown or not_ready.
   */
  use<T>(ranker: string | undefined, work: (model: ServedModel) => Promise<T>, version?: string): Promise<T>;
  /** The definition of what `use` would run with; undefined where it would throw. */
  definitionOf(ranker: string | undefined, version?: string): RankerDefinition | undefined;
  list(): Promise<readonly RankerStatus[]>;
  /** Resolves when the version serves. If it cannot be verified, throws with the reason and the old one keeps serving. */
  activate(ranker: string, version: string): Promise<RankerStatus>;
  /** Goes back to the version that was active before; otherwise like activate. */
  rollback(ranker: string): Promise<RankerStatus>;
  /** Drains and closes all versions. */
  close(): Promise<void>;
}
