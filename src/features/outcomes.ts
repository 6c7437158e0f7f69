import { durationMs, type RankerDefinition } from '../definition/index.js';
import { decayFactor } from './state/decay.js';
import type { Labels, Outcome } from './types.js';

/** Labels of binary tasks count as positive from here on. */
export const isPositive = (label: number): boolean => label > 0.5;

/**
 * Reads a task's outcome as state keeps it: a regression's label after its transform, NaN where it is unknown or where the
 * task's `when` did not happen.
 */
export function outcomeReader(ranker: RankerDefinition, task: string): (labels: Labels) => number {
  const definition = ranker.tasks[task];
  const log1p = definition?.kind === 'regression' && definition.transform === 'log1p';
  const condition = definition?.when;
  return (labels) => {
    const label = labels[task] ?? Number.NaN;
    if (condition !== undefined && !isPositive(labels[condition] ?? Number.NaN)) return Number.NaN;
    return log1p ? Math.log1p(Math.max(0, label)) : label;
  };
}

/**
 * What is left, at the time of a correction, of a unit that was due when its row was first spoken of. Sums and numbers of a
 * row then fade alike however late its feedback comes; otherwise short half-lives would make rates too high.
 */
export const correctionShare = ({ time, since }: Outcome, halfLifeMs: number | undefined): number =>
  since === undefined ? 1 : decayFactor(time - since, halfLifeMs);

/** A feature's own feedback delay, else the ranker's, else none. */
export function feedbackDelayMs(ranker: RankerDefinition, own: string | undefined): number {
  return durationMs(own ?? ranker.training?.feedback_delay ?? '0s');
}
