export { openArtifacts } from './directory.js';
export { verifyGolden, type Golden, type VerifyGoldenOptions } from './golden.js';
export type { Manifest } from './manifest.js';
export { sealArtifact, type ArtifactFacts, type SealedVersion, type SealOptions } from './seal.js';
export type { Artifacts, LoadedArtifact, LoadOptions, ModelParts, RankerVersions, VersionSummary } from './types.js';
