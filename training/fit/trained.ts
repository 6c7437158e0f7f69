import type { RankerDefinition } from '../../src/definition/index.js';
import {
  createFeatureReader,
  type FeatureBatch,
  type FeatureReader,
  type FeatureState,
} from '../../src/features/index.js';
import type { Dataset, TimeRange } from '../dataset/index.js';
import type { TaskLosses, TrainingHistory } from './history.js';
import { naturalHeads } from './labels.js';
import { learnLesson } from './lesson.js';
import type { RankerModel } from './model.js';
import { replay, type ReplayedExamples } from './replay.js';
import type { SealableRanker } from './sealable.js';
import type { TrainingSettings } from './settings.js';
import { ExampleSpool } from './spool.js';

/** Requests of a log in time order with what the ranker says of their rows. */
export interface ScoredExamples extends ReplayedExamples {
  /** [rows, tasks] in natural units. */
  readonly heads: Float32Array;
}

/** What a training run took. */
export interface TrainingSummary {
  /** Rows learned per epoch and over all epochs. */
  readonly rows: number;
  readonly examples: number;
  readonly seconds: number;
  /** Wall time by part of the work, in milliseconds. */
  readonly partsMs: Readonly<Record<string, number>>;
}

/** A ranker after training: it scores, goes on learning and can be sealed. One call at a time; close it in the end. */
export interface TrainedRanker extends SealableRanker {
  readonly history: TrainingHistory;
  readonly summary: TrainingSummary;
  /** Times of the first and last request that it saw. */
  readonly window: { readonly from: number; readonly until: number };
  /** After the last outcome it saw: where a service takes over. */
  readonly featureState: FeatureState;
  readonly reader: FeatureReader;
  /** What was read for the last few thousand rows that it was trained on. */
  readonly recent: FeatureBatch;
  /**
   * Replays what comes next in the log (ranges must follow each other), scoring every request before its outcomes are
   * observed. With `keep`, `learn` can learn from it afterwards.
   */
  predict(range: TimeRange, options?: { readonly keep?: boolean }): AsyncIterable<ScoredExamples>;
  /**
   * Learns once, in shuffled order, from everything `predict` kept since the last time, at the definition's learning rates
   * times `progressive_rate` times `rateFactor`. Fitted parameters stay. Answers the mean losses before each step.
   */
  learn(rateFactor?: number): Promise<TaskLosses>;
  close(): Promise<void>;
}

export interface TrainedOptions {
  readonly model: RankerModel;
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests'>;
  readonly settings: TrainingSettings;
  readonly state: FeatureState;
  readonly facts: Pick<
    TrainedRanker,
    'layout' | 'parameters' | 'labelScaling' | 'history' | 'summary' | 'engine' | 'window' | 'recent'
  >;
  readonly close: () => Promise<void>;
}

export function createTrainedRanker(options: TrainedOptions): TrainedRanker {
  const { model, definition, dataset, settings, state, facts } = options;
  const reader = createFeatureReader({ definition, state });
  let window = facts.window;
  let kept = new ExampleSpool();
  let lessons = 0;

  const score = async (batch: FeatureBatch): Promise<{ heads: Float32Array }> => ({
    heads: naturalHeads(facts.labelScaling, await model.predict(batch)),
  });

  return {
    ...facts,
    get window() {
      return window;
    },
    definition,
    seed: settings.seed,
    featureState: state,
    reader,
    score,
    tables: () => model.servedTables(),
    denseState: () => model.denseState(),
    trainingState: () => model.state(),
    async *predict(range, { keep = false } = {}) {
      for await (const examples of replay({ definition, dataset, state, reader, range })) {
        window = { from: window.from, until: examples.times.at(-1) ?? window.until };
        if (keep) await kept.append(examples);
        yield { ...examples, ...(await score(examples.batch)) };
      }
    },
    async learn(rateFactor = 1) {
      const spool = kept;
      kept = new ExampleSpool();
      lessons++;
      try {
        const range = { first: 0, end: spool.requests };
        const { labelScaling } = facts;
        return await learnLesson({ learner: model, spool, range, settings, labelScaling, lesson: lessons, rateFactor });
      } finally {
        await spool.close();
      }
    },
    async close() {
      await kept.close();
      await options.close();
    },
  };
}
