import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RankerDefinition } from '../../src/definition/index.js';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createTransformFitter,
  inputLayout,
  restoreFeatureState,
  type FeatureParameters,
  type InputLayout,
} from '../../src/features/index.js';
import type { Dataset } from '../dataset/index.js';
import { collectExamples, type ExampleLog, type TimeRange } from './collect.js';
import type { TrainingProgress } from './history.js';
import { fitLabelScaling } from './labels.js';
import { fit } from './loop.js';
import { RankerModel } from './model.js';
import { mixSeeds } from './random.js';
import { splitInTime, trainingSettings, type Split, type TrainingSettings } from './settings.js';
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
    const parameters = await stopwatch.wait('fit', fitParameters(definition, spool, split));
    const scaling = await fitLabelScaling(definition.tasks, spool.inOrder(split.training));
    engine = await stopwatch.wait('engine', options.engine({ definition, layout, seed: settings.seed }));
    const model = new RankerModel({
      definition,
      layout,
      parameters,
      scaling,
      tables: createTables(layout, settings),
      engine,
      learningRate: settings.optimizer.rate,
      stopwatch,
    });
    for await (const part of spool.inOrder(split.training)) model.admit(part);
    model.expire(await spool.timeOf(split.training.end - 1));
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

async function fitParameters(
  definition: RankerDefinition,
  spool: ExampleSpool,
  split: Split,
): Promise<FeatureParameters> {
  const fitter = createTransformFitter(definition);
  for await (const { batch } of spool.inOrder(split.training)) fitter.observe(batch);
  return fitter.finish();
}

function createTables(layout: InputLayout, settings: TrainingSettings): Map<string, EmbeddingTable> {
  return new Map(
    layout.tables.map(({ name, dim, minCount, expireMs }, index) => [
      name,
      new EmbeddingTable({
        dim,
        minCount,
        seed: mixSeeds(settings.seed, index),
        init: { kind: 'normal', deviation: settings.embeddingInit },
        optimizer: settings.embeddings,
        penalty: settings.embeddingPenalty,
        ...(expireMs === undefined ? {} : { expireMs }),
        ...(settings.averaging === undefined ? {} : { averaging: settings.averaging }),
      }),
    ]),
  );
}

/** Names a run by what decides its result, so that only the very same run is gone on with. */
function runKey({ definition, seed }: TrainOptions, spool: ExampleSpool, engine: Engine): string {
  const run = JSON.stringify([definition, seed ?? null, spool.digest, engine.kind]);
  return createHash('sha256').update(run).digest('hex').slice(0, 12);
}
