import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import {
  concatBatches,
  createFeatureReader,
  createFeatureState,
  type FeatureBatch,
  type RankingInput,
} from '../../src/features/index.js';
import type { Dataset, TimeRange } from '../dataset/index.js';
import type { TrainingProgress } from './history.js';
import { SeededRandom } from './random.js';
import { replay } from './replay.js';
import { ExampleSpool } from './spool.js';

export interface CollectOptions {
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests' | 'count'>;
  readonly range?: TimeRange;
  /** Of the spool; see {@link ExampleSpool}. */
  readonly memoryBytes?: number;
  readonly scratchDirectory?: string;
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly signal?: AbortSignal;
}

/** A log read once: it can train several rankers that differ in network and training, not in features or tasks. */
export interface ExampleLog {
  readonly spool: ExampleSpool;
  /** The feature state after the last outcome, as bytes: every ranker goes on from its own copy. */
  readonly state: Uint8Array;
  /** Times of the first and the last request. */
  readonly window: { readonly from: number; readonly until: number };
  /** What was read for the last few thousand rows. */
  readonly recent: FeatureBatch;
  /** A few requests of the log, the longest among them. */
  readonly sample: readonly RankingInput[];
  close(): Promise<void>;
}

const sampleSize = 24;

/** Replays the range from an empty state and keeps what was read for training. */
export async function collectExamples(options: CollectOptions): Promise<ExampleLog> {
  const { definition, dataset, range = {}, onProgress, signal } = options;
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const spool = new ExampleSpool(options);
  const sample = new Sample(sampleSize);
  let window: { from: number; until: number } | undefined;
  let before: FeatureBatch | undefined;
  let recent: FeatureBatch | undefined;
  try {
    const total = await dataset.count(range);
    for await (const block of replay({ definition, dataset, state, reader, range })) {
      if (signal?.aborted === true) throw new WatchnextError('training_stopped', 'Training was stopped while reading.');
      await spool.append(block);
      for (const request of block.requests) sample.add(request);
      window = { from: window?.from ?? (block.times[0] as number), until: block.times.at(-1) as number };
      before = recent;
      recent = block.batch;
      onProgress?.({ phase: 'reading', done: spool.rows, total });
    }
  } catch (error) {
    await spool.close();
    throw error;
  }
  if (window === undefined || recent === undefined) {
    await spool.close();
    throw new WatchnextError('data_missing', 'There is nothing to train on: no rows lie in the range.', {
      problems: [
        {
          path: 'dataset.sql',
          message: describeRange(range),
          hint: 'look at the times that were given, and at the column time',
        },
      ],
    });
  }
  return {
    spool,
    state: state.snapshot(),
    window,
    // The last block is what was left over: a few rows, perhaps.
    recent: before === undefined || recent.rows > before.rows / 2 ? recent : concatBatches([before, recent]),
    sample: sample.requests(),
    close: () => spool.close(),
  };
}

function describeRange({ from, until }: TimeRange): string {
  const text = (time: number | undefined): string => (time === undefined ? 'open' : new Date(time).toISOString());
  return `from ${text(from)} until ${text(until)}`;
}

/** A uniform sample of what passes by (Vitter's algorithm R), and the longest list. */
class Sample {
  readonly #size: number;
  readonly #random = new SeededRandom(1);
  readonly #kept: RankingInput[] = [];
  #longest: RankingInput | undefined;
  #seen = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add({ time, user, context, candidates }: RankingInput): void {
    const request = { time, user, context, candidates };
    if (candidates.length > (this.#longest?.candidates.length ?? 0)) this.#longest = request;
    this.#seen++;
    if (this.#kept.length < this.#size) this.#kept.push(request);
    else {
      const place = this.#random.below(this.#seen);
      if (place < this.#size) this.#kept[place] = request;
    }
  }

  requests(): RankingInput[] {
    return this.#longest === undefined ? [] : [this.#longest, ...this.#kept];
  }
}
