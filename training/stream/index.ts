export { judge, type Candidate, type Contender, type JudgeOptions } from './gate.js';
export { measureHeads } from './measures.js';
export type * from './types.js';
export { createWindows, type MeasuredBy, type Windows, type WindowsOptions } from './windows.js';
export { briefMeasures, renderMeasures } from './measures-text.js';
export { createWatch, type Retreat, type Watch, type WatchOptions } from './watch.js';
export { createLearner, type Learner, type LearnerOptions } from './learner.js';
export { runLearner, type LearnerNews, type LearnerReport, type LearnerStatus, type RunLearnerOptions } from './run.js';
