export { createRateScorer } from './baseline.js';
export { openModel, type OpenOptions } from './open.js';
export { createScorerPool, type PoolOptions, type ScorerPool } from './pool.js';
export { createRankers, type LiveRankers, type VersionSource } from './rankers.js';
export { openVersions, type Versions } from './versions.js';
export type { RankerStatus, Rankers, Refusal, ServedModel } from './models.js';
export { openGraph, type GraphSession, type LoadableModel } from './session.js';
export type { Device, Scorer, Scores } from './types.js';
