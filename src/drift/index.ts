export { createDrift, type Drift, type DriftOptions, type ShownRows } from './drift.js';
export { ProfileSchema, profileOf, type KeysProfile, type NumbersProfile, type Profile } from './profile.js';
export { populationStability } from './stability.js';
