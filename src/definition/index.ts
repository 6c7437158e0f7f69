export { durationMs } from './duration.js';
export { explorationProblem } from './exploration-schema.js';
export { fieldOf } from './field.js';
export { featureFingerprint, fingerprint } from './fingerprint.js';
export { labelRules, streamSettings, type LabelRule, type StreamSettings } from './stream.js';
export { metricRules, type MetricRule } from './metrics.js';
export { loadRanker, parseDefinition, type Ranker } from './parse.js';
export {
  RankerSchema,
  type BiasDefinition,
  type FeatureDefinition,
  type FeatureKindName,
  type FeatureOf,
  type FeatureScope,
  type LabelDefinition,
  type MetricDefinition,
  type NetworkDefinition,
  type RankerDefinition,
  type ScoreDefinition,
  type StreamDefinition,
  type TaskDefinition,
  type TrainingDefinition,
} from './schema.js';
export { weightProblems } from './weights.js';
