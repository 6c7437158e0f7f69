import type { TrainedRanker } from '../fit/index.js';
import type { Evaluation } from './evaluate.js';

const fewSteps = 100;
const fewRows = 300;

/** What speaks against relying on a version that was trained, in sentences; of what was held out, if anything was. */
export const trainingDoubts = (
  { definition, history, summary }: Pick<TrainedRanker, 'definition' | 'history' | 'summary'>,
  heldOut: Pick<Evaluation, 'tasks' | 'baselines'> | undefined,
): string[] => {
  const steps = history.epochs.at(-1)?.step ?? 0;
  const batch = definition.training?.batch ?? 1024;
  const found: string[] = [];
  if (steps < fewSteps) {
    found.push(
      `only ${steps} steps were taken over ${summary.rows.toLocaleString('en-US')} rows: lower training.batch (${batch}) or raise training.epochs`,
    );
  }
  if (heldOut === undefined) {
    found.push('nothing was held out, so nothing was measured: set training.validation (1d, or 0.1), or run evaluate');
  }
  const rows = Math.max(0, ...Object.values(heldOut?.tasks ?? {}).map((task) => task.rows));
  if (heldOut !== undefined && rows < fewRows)
    found.push(
      `only ${rows} rows were held out, too few to tell much: hold out more by training.validation, or run evaluate`,
    );
  for (const [task, { values, halfWidth }] of Object.entries(heldOut?.tasks ?? {})) {
    const name = values['logLoss'] === undefined ? 'mse' : 'logLoss';
    const [ours, constant] = [values[name], heldOut?.baselines.constant?.[task]?.values[name]];
    const half = halfWidth[name] ?? 0;
    // A difference that is smaller than ± is none.
    if (ours !== undefined && constant !== undefined && ours - half > constant) {
      found.push(
        `${task} is predicted worse than by a constant (${name} ${ours.toFixed(4)} ± ${half.toFixed(4)} against ${constant.toFixed(4)})`,
      );
    }
  }
  return found;
};
