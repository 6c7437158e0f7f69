import { WatchnextError } from '../../src/errors.js';

/** A loss this many times its running mean is no bad batch any more. */
const blowUp = 20;
/** Steps before the running mean says anything. */
const settlingSteps = 20;

/** Watches the losses of a run. Its fields are plain numbers, so that a checkpoint can keep them. */
export interface DivergenceWatch {
  readonly steps: number;
  readonly mean: number;
}

export const startOfWatch: DivergenceWatch = { steps: 0, mean: 0 };

/** The watch after one more step; throws `training_diverged` when a loss is not finite or leaps away. */
export function watchLosses(
  watch: DivergenceWatch,
  step: {
    readonly step: number;
    readonly losses: ReadonlyMap<string, number>;
    readonly checkpoint: string | undefined;
  },
): DivergenceWatch {
  const total = [...step.losses.values()].reduce((sum, loss) => sum + loss, 0);
  const broken = [...step.losses].find(([, loss]) => !Number.isFinite(loss));
  const leapt = watch.steps >= settlingSteps && total > blowUp * watch.mean;
  if (broken !== undefined || leapt) {
    const [task, loss] = broken ?? [...step.losses].reduce((worst, entry) => (entry[1] > worst[1] ? entry : worst));
    const what = broken === undefined ? `leapt to ${loss.toPrecision(3)}` : `became ${loss}`;
    throw diverged(`The loss of ${task} ${what} at step ${step.step}.`, `tasks/${task}`, step.checkpoint);
  }
  const steps = watch.steps + 1;
  return { steps, mean: watch.mean + (total - watch.mean) / Math.min(steps, 100) };
}

/** Before a state is kept as good: weights can be broken by an update whose loss was still finite. */
export function requireFinite(
  arrays: ReadonlyMap<string, Float32Array>,
  step: { readonly step: number; readonly checkpoint: string | undefined },
): void {
  for (const [name, values] of arrays) {
    if (!values.every(Number.isFinite)) {
      throw diverged(
        `The weights ${name} hold values that are not finite after step ${step.step}.`,
        name,
        step.checkpoint,
      );
    }
  }
}

function diverged(message: string, path: string, checkpoint: string | undefined): WatchnextError {
  const kept = checkpoint === undefined ? 'No checkpoint was kept.' : `The last good checkpoint is ${checkpoint}.`;
  return new WatchnextError('training_diverged', `${message} ${kept}`, {
    problems: [
      {
        path,
        message,
        hint: 'lower training.optimizer.rate, set training.clip_norm, or look for extreme values in labels and numbers',
      },
    ],
  });
}
