import type { Dataset, LoggedRequest } from '../dataset/index.js';
import {
  splitInTime,
  trainingSettings,
  trainRanker,
  type EngineFactory,
  type ExampleLog,
  type TrainedRanker,
} from '../fit/index.js';
import { countingBaselines, runBaseline, singleTaskDefinition } from './baselines.js';
import { DAY_MS, periodsOf, type Evaluation } from './evaluate.js';
import { calibrationOf, measure, overSeeds } from './measure.js';
import { PredictionLog, type Predictions } from './predictions.js';

export interface HeldOutOptions {
  readonly trained: TrainedRanker;
  readonly examples: ExampleLog;
  readonly dataset: Pick<Dataset, 'requests' | 'count' | 'span'>;
  readonly engine: EngineFactory;
  /** Where the log that was read ends; its own end if left out. */
  readonly until?: number;
}

/**
 * Measures on the part of the log that the definition's `training.validation` holds out, beside the baselines; undefined
 * where it holds out nothing. Early stopping has looked at these rows, so they flatter a little: `evaluate` does not.
 */
export const measureHeldOut = async (
  options: HeldOutOptions,
): Promise<Pick<Evaluation, 'tasks' | 'periods' | 'baselines' | 'calibration'> | undefined> => {
  const { trained, examples, dataset, engine, until } = options;
  const { definition, seed } = trained;
  const { validation } = await splitInTime(examples.spool, trainingSettings(definition, seed).validation);
  if (validation.end <= validation.first) return undefined;
  const from = await examples.spool.timeOf(validation.first);
  const to = until ?? dataset.span.last + 1;
  const predictions = await predictHeldOut(options, { validation, from, to });
  const periods = periodsOf({ from, to }, DAY_MS);
  const counted = await Promise.all(
    countingBaselines(definition).map(
      async (baseline) => [baseline.name, await runBaseline({ definition, dataset, baseline, periods })] as const,
    ),
  );
  const single = await trainRanker({ definition: singleTaskDefinition(definition), dataset, engine, examples, seed });
  try {
    const singleTask = measure(
      definition,
      await predictHeldOut({ ...options, trained: single }, { validation, from, to }),
    );
    return {
      tasks: overSeeds([measure(definition, predictions)]),
      periods: [],
      baselines: { ...Object.fromEntries(counted), single_task: singleTask },
      calibration: Object.fromEntries(
        Object.keys(definition.tasks).map((task, index) => [task, calibrationOf(predictions, index)]),
      ),
    };
  } finally {
    await single.close();
  }
};

/** The held-out requests: where they lie in the spool, and their times. */
interface HeldOutPart {
  readonly validation: Awaited<ReturnType<typeof splitInTime>>['validation'];
  readonly from: number;
  readonly to: number;
}

/** The spool has what was read of each request, the data set who asked: both are in time order. */
const predictHeldOut = async (
  { trained, examples, dataset }: HeldOutOptions,
  { validation, from, to }: HeldOutPart,
): Promise<Predictions> => {
  const requests = dataset.requests({ from, until: to })[Symbol.asyncIterator]();
  const log = new PredictionLog(trained.definition);
  for await (const part of examples.spool.inOrder(validation)) {
    const block: LoggedRequest[] = [];
    while (block.length < part.batch.requests) {
      const next = await requests.next();
      if (next.done === true) throw new RangeError('the data set has fewer requests than were read from it');
      block.push(next.value);
    }
    log.appendBlock(block, (await trained.score(part.batch)).heads);
  }
  return log.since();
};
