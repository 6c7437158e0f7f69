export { changedParts, waitText } from './definition.js';
export { durationText } from './duration.js';
export { openLearnerLog, type LearnerLog, type LearnerLogOptions } from './log.js';
export { createLearnerMetrics, type LearnerMetrics, type LearnerMetricsOptions } from './metrics.js';
export { learnerRefusal } from './refusal.js';
