export { createDrift, type Drift, type ShownRows } from './drift.js';
export { ProfileSchema, profileOf, type NumbersProfile, type Profile } from './profile.js';
export { populationStability } from './stability.js';
