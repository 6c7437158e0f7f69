import { labelRules } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { mixSeeds, type Examples, type ResumedRanker, type TaskLosses } from '../fit/index.js';
import { armNames, rowWeights, weighed } from './chosen.js';
import { concat, fakeNegativeWeights, weighsFakeNegatives, type ReadExample } from './examples.js';
import { nothingLearned, sampled, type LearnedPart, type LearnedSoFar } from './learned-part.js';
import type { LearnerCounts, LearnerPlace } from './place.js';
import { SourceCounter } from './sources.js';
import type { Windows } from './windows.js';

export interface BatchLearnerOptions {
  readonly ranker: ResumedRanker;
  /** Told of every row with what was predicted of it before it was learned. */
  readonly windows: Pick<Windows, 'add'>;
  /** Goes on from here; from the version as it was sealed if left out. */
  readonly place?: LearnerPlace;
}

/** Examples put together, with the event time at which they are learned. */
export interface LearnedBatch {
  readonly read: readonly ReadExample[];
  readonly examples: Omit<Examples, 'weights'>;
  readonly now: number;
}

type Counts = Pick<LearnerCounts, 'rows' | 'batches' | 'notFinite' | 'expiredRows'>;

/** What of a learner's place changes with its batches. */
export interface BatchPlace extends Pick<LearnerPlace, 'steps' | 'notFiniteInARow' | 'learned'> {
  readonly counts: Counts;
  readonly rowsHour: number;
  readonly sources: NonNullable<LearnerPlace['sources']>;
}

const hourMs = 3_600_000;
/** Seeds of the stream's steps are others than those of training from files. */
const streamSeed = 0x57ea;
const mostNotFinite = 5;

/** Predicts, measures and learns batches, one after the other: the caller waits for one before it gives the next. */
export class BatchLearner {
  readonly #ranker: ResumedRanker;
  readonly #windows: Pick<Windows, 'add'>;
  readonly #tasks: readonly string[];
  readonly #rules: ReturnType<typeof labelRules>;
  readonly #weightOf: ReturnType<typeof rowWeights>;
  readonly #sources: SourceCounter;
  readonly #counts: { -readonly [name in keyof Counts]: number };
  #steps: number;
  #rowsHour: number;
  #notFiniteInARow: number;
  #learned: LearnedSoFar;
  #learnedUntil: number;
  #losses: TaskLosses = {};

  constructor({ ranker, windows, place }: BatchLearnerOptions) {
    const { definition } = ranker;
    this.#ranker = ranker;
    this.#windows = windows;
    this.#tasks = Object.keys(definition.tasks);
    this.#rules = labelRules(definition);
    this.#weightOf = rowWeights(definition);
    this.#sources = new SourceCounter(place?.sources);
    const { rows = 0, batches = 0, notFinite = 0, expiredRows = 0 } = place?.counts ?? {};
    this.#counts = { rows, batches, notFinite, expiredRows };
    this.#steps = place?.steps ?? 0;
    this.#rowsHour = place?.clocks.rowsHour ?? -Infinity;
    this.#notFiniteInARow = place?.notFiniteInARow ?? 0;
    this.#learned = place?.learned ?? nothingLearned;
    this.#learnedUntil = place?.learned.until ?? -Infinity;
  }

  /**
   * Predicted by what was learned before it, then learned. Rejects with training_diverged when too many batches in a row
   * taught nothing.
   */
  async learn(batch: LearnedBatch): Promise<void> {
    const { read, examples, now } = batch;
    // Its rows are gathered in this call, before anything of it changes them.
    const scoring = this.#ranker.score(examples.batch).then(({ heads }) => heads);
    this.#expireRows(now);
    this.#ranker.admit(examples.batch, now);
    const learning = this.#step(batch, scoring);
    const measuring = scoring.then((predicted) => this.#measure(batch, predicted));
    // Both, so that nothing is under way any more when one of them failed.
    await Promise.allSettled([learning, measuring]);
    await measuring;
    const losses = await learning;
    this.#losses = Object.fromEntries(this.#tasks.map((task, index) => [task, losses[index] as number]));
    this.#counts.batches++;
    this.#learnedUntil = now;
    if (losses.every(Number.isFinite)) this.#learnedFrom(read, examples.batch.rows);
    else this.#taughtNothing();
  }

  /** By task, weighted mean losses of the last batch before it was learned. */
  get losses(): TaskLosses {
    return this.#losses;
  }

  get place(): BatchPlace {
    const { rows, feedbackTimes, stride, seen } = this.#learned;
    const until = Number.isFinite(this.#learnedUntil) ? this.#learnedUntil : null;
    return {
      counts: { ...this.#counts },
      steps: this.#steps,
      rowsHour: this.#rowsHour,
      notFiniteInARow: this.#notFiniteInARow,
      sources: this.#sources.sources,
      learned: { rows, feedbackTimes, stride, seen, until },
    };
  }

  takeLearned(): LearnedPart {
    const { rows, feedbackTimes } = this.#learned;
    this.#learned = nothingLearned;
    return { until: this.#learnedUntil, rows, feedbackTimes: Float64Array.from(feedbackTimes) };
  }

  /**
   * The engine works in the order in which it is asked, so the step is handed over behind the prediction; only weights that
   * depend on predictions wait for them.
   */
  async #step({ read, examples }: LearnedBatch, scoring: Promise<Float32Array>): Promise<Float32Array> {
    const { seed, settings } = this.#ranker;
    const step = { rateFactor: settings.progressiveRate, seed: mixSeeds(seed, streamSeed, this.#steps++) };
    const fakeNegatives = weighsFakeNegatives(this.#rules)
      ? fakeNegativeWeights(this.#rules, { labels: examples.labels, predicted: await scoring })
      : undefined;
    const weights = weighed(fakeNegatives, {
      ofRequests: read.map((each) => [each.batch.rows, this.#weightOf(each.example.arms)]),
      tasks: this.#tasks.length,
    });
    return this.#ranker.learn({ ...examples, ...(weights && { weights }) }, step);
  }

  #measure({ read, examples: { batch, times, labels } }: LearnedBatch, predicted: Float32Array): void {
    const isOwn = ({ example }: ReadExample): boolean => example.ranker === this.#ranker.definition.name;
    this.#windows.add({
      batch,
      times,
      labels,
      predicted,
      // What another ranker said of its lists is no measure of this one's versions.
      served: concat(read.map((each) => (isOwn(each) ? each.example.served : unserved(each)))),
      versions: read.map((each) => {
        const { ranker, version } = each.example;
        return isOwn(each) ? version : `${ranker}@${version}`;
      }),
      arms: read.map(({ example }) => armNames(example.arms)),
    });
  }

  #expireRows(now: number): void {
    const hour = Math.floor(now / hourMs) * hourMs;
    if (hour <= this.#rowsHour) return;
    this.#rowsHour = hour;
    this.#counts.expiredRows += this.#ranker.expire(hour);
  }

  #learnedFrom(read: readonly ReadExample[], rows: number): void {
    this.#notFiniteInARow = 0;
    this.#counts.rows += rows;
    for (const { example, batch } of read) this.#sources.add(example, batch.rows);
    const times = read.map(({ example }) => example.feedbackTimes);
    this.#learned = sampled({ ...this.#learned, rows: this.#learned.rows + rows }, times);
  }

  #taughtNothing(): void {
    this.#counts.notFinite++;
    this.#notFiniteInARow++;
    if (this.#notFiniteInARow < mostNotFinite) return;
    const broken = Object.entries(this.#losses).filter(([, loss]) => !Number.isFinite(loss));
    throw new WatchnextError(
      'training_diverged',
      `${mostNotFinite} batches in a row had a loss that is no number: ${broken.map(([task]) => task).join(', ')}. ` +
        'Learning stopped; the last checkpoint is as it was.',
      {
        problems: broken.map(([task, loss]) => ({
          path: `tasks/${task}`,
          message: `the loss became ${loss}`,
          hint: 'look for extreme values in the feedback, or lower training.progressive_rate and start again',
        })),
      },
    );
  }
}

const unserved = ({ example: { served } }: ReadExample): Float32Array =>
  new Float32Array(served.length).fill(Number.NaN);
