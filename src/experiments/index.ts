export { loadConfiguration } from './configuration.js';
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
} from './types.js';
