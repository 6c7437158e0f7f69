import type { TrainingDefinition } from '../../src/definition/index.js';

type Optimizer = NonNullable<TrainingDefinition['optimizer']>;

/** Where training stands: steps taken so far and the share of all planned rows already learned, in [0, 1]. */
export interface TrainingPosition {
  readonly step: number;
  readonly progress: number;
}

/**
 * The factor on the learning rate. Warm-up rises linearly over `warmup_steps`; `linear` falls to 0 at the end of the last
 * planned epoch; `cosine` falls as (1 + cos(pi * fallen)) / 2 (Loshchilov and Hutter, SGDR, 2017); both over the last
 * `decay_share` of the run, constant before.
 */
export function learningRateFactor(
  optimizer: Pick<Optimizer, 'schedule' | 'decay_share' | 'warmup_steps'>,
  { step, progress }: TrainingPosition,
): number {
  const warmupSteps = optimizer.warmup_steps ?? 0;
  const warmup = step < warmupSteps ? (step + 1) / warmupSteps : 1;
  const left = Math.min(1, Math.max(0, 1 - progress) / (optimizer.decay_share ?? 1));
  switch (optimizer.schedule ?? 'constant') {
    case 'constant':
      return warmup;
    case 'linear':
      return warmup * left;
    case 'cosine':
      return (warmup * (1 - Math.cos(Math.PI * left))) / 2;
  }
}
