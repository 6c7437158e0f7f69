export { judgeClaims, type Claim, type JudgedClaim, type Verdict } from './claims.js';
export {
  effectByDay,
  effectsOf,
  levelsOf,
  type ArmDays,
  type Contrast,
  type Effect,
  type Levels,
  type Replicate,
} from './effects.js';
export { logOf, platformLists, requestsOf, type ShownList } from './history.js';
export { listMetrics, loggedLists } from './logged.js';
export { meanInterval, replicatesFor, signOf, type Interval } from './intervals.js';
export { dayLines, intervalPlot, type PlottedInterval } from './plots.js';
export {
  buildIndex,
  buildStudyReport,
  intervalText,
  publishedText,
  type StudyArm,
  type StudyReport,
  type StudyResult,
  type StudyRun,
} from './report.js';
export { addTallies, measures, noTally, tallyOf, type MeasureName, type Sums, type Tally } from './tally.js';
export { multiplicationsOf, nearestWidth, type SolvedNetwork } from './widths.js';
