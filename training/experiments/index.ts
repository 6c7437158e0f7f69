export {
  analyseExperiment,
  type AnalysisOptions,
  type ArmUsers,
  type ExperimentAnalysis,
  type SampleRatio,
} from './analysis.js';
export type { Comparison, Judged, MetricAnalysis, SeriesPoint } from './comparison.js';
export { toHtml, toMarkdown, type Block, type MarkdownDocument } from './document.js';
export { experimentReport } from './report.js';
export * from './statistics/index.js';
export { verdicts, type Verdict } from './verdict.js';
