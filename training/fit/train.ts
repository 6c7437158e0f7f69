import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RankerDefinition } from '../../src/definition/index.js';
import { inputLayout, restoreFeatureState } from '../../src/features/index.js';
import type { Dataset, TimeRange } from '../dataset/index.js';
import { startAtBaseRates } from './base-rates.js';
import { collectExamples, type ExampleLog } from './collect.js';
import type { TrainingProgress } from './history.js';
import { fit } from './loop.js';
import { RankerModel } from './model.js';
import { prepareTraining } from './prepare.js';
import { splitInTime, trainingSettings } from './settings.js';
import type { ExampleSpool } from './spool.js';
import { Stopwatch } from './stopwatch.js';
import { createTrainedRanker, type TrainedRanker } from './trained.js';
import type { Engine, EngineOptions } from './types.js';

/** Makes the engine that trains a definition's network, with fresh weights. */
export type EngineFactory = (options: EngineOptions) => Promise<Engine>;

export interface TrainOptions extends TimeRange {
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests' | 'count'>;
  readonly engine: EngineFactory;
  /** A log already read ({@link collectExamples}), to train several rankers on; it stays open. */
  readonly examples?: ExampleLog;
  /** The definition's if left out. */
  readonly seed?: number;
  /** Where an interrupted run is kept and looked for; nothing is kept if left out. */
  readonly checkpointDirectory?: string;
  /** Between checkpoints within an epoch; 5 minutes if left out. */
  readonly checkpointEveryMs?: number;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Ends training after the step under way, with a checkpoint if there is a folder for it. */
  readonly signal?: AbortSignal;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/**
 * From a log to a trained ranker: replays it, fits scalings and admits ids on the training part, then learns for as many
 * epochs as the definition and its validation part allow. The same log, definition, seed and engine give the same bits,
 * interrupted or not.
 */
export async function trainRanker(options: TrainOptions): Promise<TrainedRanker> {
  const { definition, dataset, from, until, now = () => performance.now() } = options;
  const started = now();
  const stopwatch = new Stopwatch(now);
  const range = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  const examples = options.examples ?? (await stopwatch.wait('read', collectExamples({ ...options, range })));
  let engine: Engine | undefined;
  try {
    const settings = trainingSettings(definition, options.seed);
    const { spool } = examples;
    const split = await splitInTime(spool, settings.validation);
    const layout = inputLayout(definition);
    const total = split.trainingRows;
    const { parameters, scaling, tables } = await stopwatch.wait(
      'prepare',
      prepareTraining({
        definition,
        layout,
        settings,
        examples: spool.inOrder(split.training),
        onProgress: (done) => options.onProgress?.({ phase: 'preparing', done, total }),
      }),
    );
    engine = await stopwatch.wait('engine', options.engine({ definition, layout, seed: settings.seed }));
    await startAtBaseRates(engine, scaling);
    const model = new RankerModel({
      definition,
      layout,
      parameters,
      scaling,
      tables,
      engine,
      learningRate: settings.optimizer.rate,
      stopwatch,
    });
    const { checkpointDirectory, checkpointEveryMs = 5 * 60_000 } = options;
    const history = await stopwatch.wait(
      'learn',
      fit({
        ...options,
        model,
        settings,
        scaling,
        spool,
        split,
        now,
        ...(checkpointDirectory === undefined
          ? {}
          : {
              checkpoint: {
                path: join(checkpointDirectory, `${definition.name}-${runKey(options, spool, engine)}.checkpoint`),
                everyMs: checkpointEveryMs,
              },
            }),
      }),
    );
    const opened = engine;
    return createTrainedRanker({
      model,
      definition,
      dataset,
      settings,
      state: restoreFeatureState(definition, examples.state),
      facts: {
        layout,
        parameters,
        labelScaling: scaling,
        history,
        engine: engine.kind,
        window: examples.window,
        recent: examples.recent,
        summary: {
          rows: split.trainingRows,
          examples: split.trainingRows * history.epochs.length,
          seconds: (now() - started) / 1000,
          partsMs: stopwatch.spentMs(),
        },
      },
      close: () => opened.close(),
    });
  } catch (error) {
    await engine?.close();
    throw error;
  } finally {
    if (options.examples === undefined) await examples.close();
  }
}

/** Names a run by what decides its result, so that only the very same run is gone on with. */
function runKey({ definition, seed }: TrainOptions, spool: ExampleSpool, engine: Engine): string {
  const run = JSON.stringify([definition, seed ?? null, spool.digest, engine.kind]);
  return createHash('sha256').update(run).digest('hex').slice(0, 12);
}
