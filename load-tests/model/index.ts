export { createStandInLearner, type StandInLearner } from './learner.js';
export { prepareModel, putEntities, type Prepared, type PrepareOptions } from './prepare.js';
