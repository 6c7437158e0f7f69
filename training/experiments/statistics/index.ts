export { adjust, type Adjusted, type Places } from './covariates.js';
export { corrected, type Correction } from './correction.js';
export {
  difference,
  fixedInterval,
  fixedPValue,
  lift,
  ratioEstimate,
  type Effect,
  type Estimate,
  type Interval,
} from './difference.js';
export {
  chiSquareUpperTail,
  normalQuantile,
  normalUpperTail,
  studentQuantile,
  studentUpperTail,
} from './distributions.js';
export { guardrail, type Guardrail, type GuardrailState } from './guardrail.js';
export { momentsOf, type Moments } from './moments.js';
export { chiSquareTest, sampleRatioAlarm, sequentialSplitPValue, splitEvidence } from './sample-ratio.js';
export {
  sequentialInterval,
  sequentialPValue,
  sequentialRho,
  sequentialWidth,
  type SequentialOptions,
} from './sequential.js';
export { detectable, usersNeeded, usersNeededSequentially, type PlanOptions } from './size.js';
