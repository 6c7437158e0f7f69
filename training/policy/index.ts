export { clipImportance } from './clip.js';
export { contributions, estimateMean, estimators, quotient, type Estimator } from './estimate.js';
export type { ExplorationOption } from './exploration.js';
export { paretoFront } from './front.js';
export type { Compared, JudgeOptions, Judgement } from './judge.js';
export { collectLists, type ListCollector } from './lists.js';
export { checkPropensities, type OrderImportance, type PropensityCheck } from './orders.js';
export { fitOutcome, headBasis, type Basis, type OutcomeModel } from './outcome.js';
export type { TunedPoint } from './points.js';
export { race, type Race, type Raced } from './race.js';
export { searchBounds, type WeightSpace } from './space.js';
export { splitByUser, type Split } from './split.js';
export { supportLimits, type Support, type SupportLimits } from './support.js';
export { tune, type Advice, type TuneOptions, type TuneProgress, type Tuning } from './tune.js';
export type * from './types.js';
export {
  createWeigher,
  type Target,
  type Weighed,
  type Weigher,
  type WeigherOptions,
  type WeighOptions,
} from './weigh.js';
export { chooseAims, type Aims } from './metrics.js';
export { leftOutReasons, readLoggedLists, type LeftOutReason, type ReadLog, type ReadLogOptions } from './read-log.js';
export { evaluatePolicy, type EvaluateOptions, type PolicyEstimate, type PolicyEvaluation } from './evaluate.js';
export { foreignColumns, type ForeignColumns } from './foreign-columns.js';
export { readForeignLists, type ReadForeignOptions } from './read-foreign.js';
export { frontPlot } from './front-plot.js';
export {
  adviceText,
  gainText,
  tuningMethod,
  tuningReport,
  tuningTable,
  verdictText,
  type Table,
  type TuningReportOptions,
} from './report.js';
