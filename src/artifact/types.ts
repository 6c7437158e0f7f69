import type { RankerDefinition } from '../definition/index.js';
import type { EmbeddingTable } from '../embeddings/index.js';
import type { FeatureParameters } from '../features/index.js';
import type { Golden } from './golden.js';
import type { Manifest } from './manifest.js';

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
}

export interface LoadOptions {
  /** Also reads and verifies what learning goes on from; `training` is absent where the version was sealed without it. */
  readonly training?: boolean;
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
   * The version, or the ranker's active one. Throws `artifact_damaged` with the file's name where sizes, checksums, the
   * fingerprint or the layout do not fit, before any of it is used. Golden rows are for the caller: see verifyGolden.
   */
  load(ranker: string, version?: string, options?: LoadOptions): Promise<LoadedArtifact>;
  /** Copies a verified version folder from elsewhere into this registry; a version that is already here stays as it is. */
  publish(folder: string): Promise<{ readonly ranker: string; readonly version: string }>;
  /** Makes a verified version the active one, atomically; simultaneous calls end with one of theirs, whole. */
  activate(ranker: string, version: string): Promise<void>;
  /** Goes back to the version that was active before and answers it; again goes further back. */
  rollback(ranker: string): Promise<string>;
}
