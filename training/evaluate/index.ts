export { baselineNames, evaluate, type BaselineName, type Evaluation, type EvaluationProgress } from './evaluate.js';
export { measureHeldOut } from './held-out.js';
export { headlines, type SeededMetrics, type TaskMetrics } from './measure.js';
export { buildReport, metricTables, type Report, type ReportParts } from './report.js';
