export { biasWeights } from './bias-weights.js';
export { collectExamples, type CollectOptions, type ExampleLog } from './collect.js';
export type { Examples } from './examples.js';
export { exportSelfContained, verifySelfContained } from './export-self-contained.js';
export type { EpochRecord, TaskLosses, TrainingHistory, TrainingProgress } from './history.js';
export type { LabelScaling, TaskScaling } from './labels.js';
export { learnLesson, type LessonOptions } from './lesson.js';
export { mixSeeds, SeededRandom } from './random.js';
export type { ReplayedExamples } from './replay.js';
export {
  compileServingGraph,
  createModel,
  createGemmProbe,
  createOnnxEngine,
  createTfjsNodeEngine,
  loadTfjsNode,
  type GemmProbe,
  type ServingGraphOptions,
  type TfjsNode,
} from './engine/index.js';
export type { ModelState, StepOptions } from './model.js';
export { encodeTraining, resumeRanker, type ResumedRanker, type ResumeOptions } from './resumed.js';
export { quantise, type QuantiseOptions } from './quantise/index.js';
export { sealModel, sealRanker, type Report, type SealModelOptions, type SealRankerOptions } from './seal.js';
export type { SealableRanker } from './sealable.js';
export { openServedModel, type ServedModel, type ServedModelOptions } from './served.js';
export { verifyAgreement, type AgreementOptions } from './agreement.js';
export {
  goldenWithinReach,
  isRounded,
  scoreWithGraph,
  servingGraph,
  type ServedScores,
  type ServingOptions,
} from './serving.js';
export { ExampleSpool, type RequestRange } from './spool.js';
export { splitInTime, trainingSettings } from './settings.js';
export { trainRanker, type EngineFactory, type TrainOptions } from './train.js';
export type { ScoredExamples, TrainedRanker, TrainingSummary } from './trained.js';
export type * from './types.js';
