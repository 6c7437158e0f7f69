export { createRateScorer } from './baseline.js';
export { openModel, type OpenOptions } from './open.js';
export { createScorerPool, type PoolOptions, type ScorerPool } from './pool.js';
export { createRankers, type LiveRankers, type VersionSource } from './rankers.js';
export { openVersions, type Versions } from './versions.js';
export type { RankerStatus, Rankers, Refusal, ServedModel } from './models.js';
export { packBatch, unpackBatch, type Parcel } from './parcel.js';
export { openGraph, openSession, type GraphSession, type LoadableModel, type ModelSession } from './session.js';
export { NotRun, type Device, type ScoreOptions, type Scorer, type Scores } from './types.js';
