export { durationMs } from './duration.js';
export { fingerprint } from './fingerprint.js';
export { loadRanker, parseDefinition, type Ranker } from './parse.js';
export {
  RankerSchema,
  type BiasDefinition,
  type FeatureDefinition,
  type FeatureKindName,
  type FeatureOf,
  type FeatureScope,
  type NetworkDefinition,
  type RankerDefinition,
  type ScoreDefinition,
  type TaskDefinition,
  type TrainingDefinition,
} from './schema.js';
