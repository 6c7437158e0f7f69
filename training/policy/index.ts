export { clipImportance } from './clip.js';
export { contributions, estimateMean, estimators, quotient, type Estimator } from './estimate.js';
export { collectLists, type ListCollector } from './lists.js';
export { fitOutcome, headBasis, type Basis, type OutcomeModel } from './outcome.js';
export { placeChances } from './place-chances.js';
export type * from './types.js';
export { createWeigher, type Target, type Weighed, type Weigher } from './weigh.js';
