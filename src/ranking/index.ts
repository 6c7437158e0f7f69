export {
  createEntities,
  type Entities,
  type Entity,
  type EntityId,
  type EntityKind,
  type Found,
  type KeptEntities,
} from './entities.js';
export { createRanking, type Rank, type RankingDependencies } from './rank.js';
export {
  compareReplay,
  replayImpression,
  type Replay,
  type ReplayComparison,
  type ReplayDifference,
  type ReplayedModel,
} from './replay.js';
export { nameRecent, readAhead, type ReadAhead } from './read-ahead.js';
export { createFieldWarnings, type FieldPlace, type FieldWarning } from './warnings.js';
export { fallbackReasons } from './types.js';
export type { Degradation, RankAnswer, RankRequest, ScoredItem, UnscoredItem } from './types.js';
