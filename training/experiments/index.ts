export {
  analyseExperiment,
  type AnalysisOptions,
  type ArmUsers,
  type ExperimentAnalysis,
  type SampleRatio,
} from './analysis.js';
export { requireExperiment } from './cohort.js';
export type { Comparison, Judged, MetricAnalysis, SeriesPoint } from './comparison.js';
export { toHtml, toMarkdown, type Block, type MarkdownDocument } from './document.js';
export {
  detectableOn,
  planExperiment,
  trafficOf,
  whenReached,
  type Looks,
  type PlanOptions as ExperimentPlanOptions,
  type Reached,
  type Way,
  type Plan,
  type Size,
  type Spread,
  type TrafficDay,
  type TrafficOptions,
} from './plan.js';
export { experimentReport } from './report.js';
export * from './statistics/index.js';
export { verdicts, type Verdict } from './verdict.js';
export { amount, count, percent, span } from './words.js';
