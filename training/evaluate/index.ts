export { baselineNames, type BaselineName } from './baselines.js';
export { evaluate, type Evaluation, type EvaluationProgress } from './evaluate.js';
export { measureHeldOut, type HeldOutOptions } from './held-out.js';
export { headlines, type SeededMetrics, type TaskMetrics } from './measure.js';
export { buildReport, metricTables, type Report, type ReportParts } from './report.js';
