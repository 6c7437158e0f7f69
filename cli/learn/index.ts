export { changedParts, waitText } from './definition.js';
export { durationText } from './duration.js';
export { openLearnerLog, type LearnerLog, type LearnerLogOptions } from './log.js';
export { learnerRefusal } from './refusal.js';
