export type { ChainEnd } from './chain.js';
export { mostFeedbackTimes, type HashedDelta, type Learned, type ModelDelta } from './delta.js';
export { openArtifacts } from './directory.js';
export { verifyGolden, type Golden, type VerifyGoldenOptions } from './golden.js';
export type { Manifest } from './manifest.js';
export { parseVersionReference, referenceName, type VersionReference } from './names.js';
export type { RefusedCandidate } from './refusals.js';
export { sealArtifact, type ArtifactFacts, type SealedVersion, type SealOptions } from './seal.js';
export type { Artifacts, LoadedArtifact, LoadOptions, ModelParts, RankerVersions, VersionSummary } from './types.js';
