export { createRankers, type LiveRankers, type VersionSource } from './rankers.js';
export { createScorerPool, type PoolOptions, type ScorerPool } from './pool.js';
export type { RankerStatus, Rankers, Refusal, ServedModel } from './models.js';
export type { LoadableModel } from './protocol.js';
export type { Device, Scorer, Scores } from './types.js';
