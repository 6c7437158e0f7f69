export { baselineNames, type BaselineName } from './baselines.js';
export { evaluate, requireRowsBefore, type Evaluation, type EvaluationProgress } from './evaluate.js';
export { learnAsStream, type AsStreamOptions } from './as-stream.js';
export { evaluateRefresh, type Refresh, type RefreshEvaluation, type RefreshOptions } from './refresh.js';
export { trainingDoubts } from './doubts.js';
export { measureHeldOut, type HeldOutOptions } from './held-out.js';
export type { SeededMetrics, TaskMetrics } from './measure.js';
export {
  buildRefreshReport,
  buildReport,
  intervalName,
  metricTables,
  refreshTable,
  type Report,
  type ReportParts,
} from './report.js';
export { baselineWords, measureWords } from './words.js';
