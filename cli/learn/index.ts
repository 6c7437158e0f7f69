export { changedParts, waitText } from './definition.js';
export { durationText } from './duration.js';
export { learnerRefusal } from './refusal.js';
