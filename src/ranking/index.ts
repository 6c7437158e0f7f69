export { createEntities, type Entities, type Entity, type EntityId, type EntityKind } from './entities.js';
export { createRanking, type Rank, type RankingDependencies } from './rank.js';
export type { RankAnswer, RankRequest, ScoredItem, UnscoredItem } from './types.js';
