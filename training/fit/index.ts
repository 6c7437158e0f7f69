export { collectExamples, type CollectOptions, type ExampleLog } from './collect.js';
export type { Examples } from './examples.js';
export { exportSelfContained, verifySelfContained } from './export-self-contained.js';
export type { EpochRecord, TaskLosses, TrainingHistory, TrainingProgress } from './history.js';
export type { LabelScaling, TaskScaling } from './labels.js';
export type { ReplayedExamples } from './replay.js';
export {
  compileServingGraph,
  createGemmProbe,
  createOnnxEngine,
  createTfjsNodeEngine,
  loadTfjsNode,
  type GemmProbe,
  type ServingGraphOptions,
  type TfjsNode,
} from './engine/index.js';
export { sealRanker, type SealRankerOptions } from './seal.js';
export { expertUtilisation, scoreWithGraph, servingGraph, type ServedScores } from './serving.js';
export { splitInTime, trainingSettings } from './settings.js';
export { trainRanker, type EngineFactory, type TrainOptions } from './train.js';
export type { ScoredExamples, TrainedRanker, TrainingSummary } from './trained.js';
export type * from './types.js';
