export type {
  ArmSettings,
  Assignment,
  Experiments,
  ExperimentStatus,
  ExplorationSettings,
  Exposed,
  Subject,
} from './types.js';
