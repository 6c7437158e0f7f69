export { createNetwork, initialParameters } from './network.js';
export { createAdversary, type Adversary, type AdversaryInputs } from './adversary.js';
export { biasParameter, createBiasTower, type BiasTower } from './bias-tower.js';
export { taskLosses, type LossInputs } from './loss.js';
export type {
  ForwardInputs,
  ForwardOutputs,
  Multiplications,
  NamedTensors,
  Network,
  NetworkShape,
  NoiseSpec,
  ParameterSpec,
  RandomSource,
  RequestSums,
} from './types.js';
