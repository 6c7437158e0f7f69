export { readLastGood, type LastGood } from './last-good.js';
export { loadConfiguration, readConfiguration } from './configuration.js';
export { editArm, type ArmEdit, type EditedArm } from './edit.js';
export {
  createExposureMemory,
  type ExposureMarks,
  type ExposureMemory,
  type ExposureMemoryOptions,
  type RetellOptions,
} from './exposures.js';
export { noExperiments, openExperiments, type OpenOptions } from './open.js';
export type { ExperimentSource } from './source.js';
export type {
  ArmCatalogue,
  ArmSettings,
  Assignment,
  Configuration,
  Experiments,
  ExperimentStatus,
  ExplorationSettings,
  Exposed,
  LayerPart,
  PlannedArm,
  PlannedExperiment,
  Subject,
  ToldExposure,
} from './types.js';
