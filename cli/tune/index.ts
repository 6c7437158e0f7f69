export { armPlace, over0, share, weightList, weightsOf, type ArmPlace } from './flags.js';
export { evaluationJson, printEvaluation, printTuning, tuningJson } from './print.js';
export { foreignSource, ownSource, type Source, type SourceOptions } from './sources.js';
