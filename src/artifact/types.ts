import type { RankerDefinition } from '../definition/index.js';
import type { EmbeddingTable, SharedMemory } from '../embeddings/index.js';
import type { FeatureParameters } from '../features/index.js';
import type { ChainEnd } from './chain.js';
import type { HashedDelta, Learned, ModelDelta } from './delta.js';
import type { Golden } from './golden.js';
import type { Manifest } from './manifest.js';
import type { RefusedCandidate } from './refusals.js';

/** What serves: everything a sealed version computes with. */
export interface ModelParts {
  /** A serialised ONNX model: the serving graph. */
  readonly graph: Uint8Array;
  readonly parameters: FeatureParameters;
  /** By table name; exactly the tables of the definition's layout. */
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  /** A snapshot of the feature state, where a service takes over. */
  readonly state: Uint8Array;
  readonly golden: Golden;
  /** What learning goes on from, by file name; opaque to the registry, and no part of the version's name. */
  readonly training?: ReadonlyMap<string, Uint8Array>;
}

/** A version that was read and verified. */
export interface LoadedArtifact extends ModelParts {
  readonly manifest: Manifest;
  readonly definition: RankerDefinition;
  /** Report files by path, as they were sealed. */
  readonly reports: ReadonlyMap<string, Uint8Array>;
  /** How many deltas were applied to what was sealed: none, unless they were asked for. */
  readonly chain: ChainEnd;
  /** What the last of them says. */
  readonly learned?: Learned;
  readonly createdMs?: number;
}

export interface LoadOptions {
  /** Also reads and verifies what learning goes on from; `training` is absent where the version was sealed without it. */
  readonly training?: boolean;
  /** Where its tables are put; new memory if left out. */
  readonly memory?: SharedMemory;
}

export interface VersionSummary {
  readonly version: string;
  /** Absent when the manifest cannot be read; then `problem` says why. */
  readonly manifest?: Manifest;
  readonly problem?: string;
}

export interface RankerVersions {
  readonly ranker: string;
  readonly active: string | undefined;
  /** Why it cannot be told which version is active; activating one mends it. */
  readonly problem?: string;
  /** How many deltas of the active version may serve; all if left out. */
  readonly through?: number;
  /** What was refused or withdrawn, and why: the last hundred, oldest first. */
  readonly refused?: readonly RefusedCandidate[];
  /** Versions that were active before, the latest first: where rollback goes. */
  readonly previous: readonly string[];
  /** Oldest first. */
  readonly versions: readonly VersionSummary[];
}

/**
 * The registry of sealed versions. A version is seen whole or not at all and never changes. Every method that is given a
 * name that does not exist throws `artifact_missing` and lists what does.
 */
export interface Artifacts {
  list(): Promise<readonly RankerVersions[]>;
  /**
   * The version, or the ranker's active one as it was sealed; `<version>+<n>` is the version with the first n of its deltas
   * applied (then tables, graph and golden rows are as of there, all else is as it was sealed). Throws `artifact_damaged` with the file's name where sizes, checksums, the
   * fingerprint or the layout do not fit, before any of it is used. Golden rows are for the caller: see verifyGolden.
   */
  load(ranker: string, version?: string, options?: LoadOptions): Promise<LoadedArtifact>;
  /** Copies a verified version folder from elsewhere into this registry; a version that is already here stays as it is. */
  publish(folder: string): Promise<{ readonly ranker: string; readonly version: string }>;
  /** Makes a verified version the active one, atomically; simultaneous calls end with one of theirs, whole. */
  activate(ranker: string, version: string): Promise<void>;
  /** Goes back to the version that was active before and answers it; again goes further back. */
  rollback(ranker: string): Promise<string>;

  /**
   * Adds a delta to the end of its base's chain, whole and durable when this resolves, and answers `<version>+<n>`. Throws
   * `delta_refused` for one that does not follow on the end of the chain (see endOfChain), does not fit the base or holds
   * numbers that are not finite; all reasons at once. One process at a time publishes deltas of a ranker. Deltas of
   * versions that are neither active, newer, nor among the last few before are removed on the way.
   */
  publishDelta(delta: ModelDelta): Promise<string>;
  /** The sequences of a version's deltas, ascending; cheap. */
  deltas(ranker: string, version: string): Promise<readonly number[]>;
  /** What the next delta of this version must name: its sequence is one more, its `previous` this hash. Cheap. */
  endOfChain(ranker: string, version: string): Promise<ChainEnd>;
  /** The delta that follows there. Throws `delta_refused` if it is missing or does not follow, `artifact_damaged`. */
  nextDelta(ranker: string, version: string, end: ChainEnd): Promise<HashedDelta>;
  /**
   * Lets only the first `sequence` deltas of the active version serve (0: what was sealed), also after a rollback to it,
   * until it is activated again. The reason is kept among the refused.
   */
  withdraw(ranker: string, sequence: number, reason: string): Promise<void>;
  /** Keeps for people why something must not serve; it changes nothing else. */
  refuse(refusal: { readonly ranker: string; readonly candidate: string; readonly reason: string }): Promise<void>;
}
