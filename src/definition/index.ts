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
