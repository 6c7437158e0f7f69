import { splitInTime, trainingSettings, type ExampleLog, type TrainedRanker } from '../fit/index.js';
import { calibrationOf, measure, overSeeds } from './measure.js';
import { PredictionLog } from './predictions.js';
import type { Evaluation } from './evaluate.js';

/**
 * Measures on the part of the log that the definition's `training.validation` holds out; undefined where it holds out
 * nothing. Early stopping has looked at these rows, so they flatter a little: `evaluate` does not.
 */
export const measureHeldOut = async (
  trained: TrainedRanker,
  examples: ExampleLog,
): Promise<Pick<Evaluation, 'tasks' | 'periods' | 'baselines' | 'calibration'> | undefined> => {
  const { definition } = trained;
  const { validation } = await splitInTime(examples.spool, trainingSettings(definition, trained.seed).validation);
  if (validation.end <= validation.first) return undefined;
  const log = new PredictionLog(definition);
  for await (const part of examples.spool.inOrder(validation)) {
    log.appendExamples(part, (await trained.score(part.batch)).heads);
  }
  if (log.rows === 0) return undefined;
  const predictions = log.since();
  return {
    tasks: overSeeds([measure(definition, predictions)]),
    periods: [],
    baselines: {},
    calibration: Object.fromEntries(
      Object.keys(definition.tasks).map((task, index) => [task, calibrationOf(predictions, index)]),
    ),
  };
};
