export { judge, verdictText, type Threshold, type Verdict } from './judge.js';
export { latenessOf, type Lateness } from './lateness.js';
export { latenciesOf, summarisePhases, type PhaseSummary } from './phases.js';
export {
  distribution,
  median,
  quantile,
  round,
  sortedValues,
  summarise,
  type DistributionPoint,
  type LatencySummary,
} from './quantiles.js';
export { regressionSlope } from './slope.js';
export { timelineOf, type TimelineSecond } from './timeline.js';
