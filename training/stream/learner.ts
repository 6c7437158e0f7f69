import { fingerprint, labelRules, streamSettings } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import {
  outcomeDescriber,
  type DescribedOutcomes,
  type FeatureBatch,
  type FeatureState,
  type Outcome,
} from '../../src/features/index.js';
import type { Joined, JoinedExample } from '../../src/join/index.js';
import { mixSeeds, type ResumedRanker, type TaskLosses } from '../fit/index.js';
import { collect, concat, exampleReader, fakeNegativeWeights, type ReadExample } from './examples.js';
import type { Windows } from './windows.js';

/** What the learner met; since it began at the sealed version. */
export interface LearnerCounts {
  readonly rows: number;
  readonly batches: number;
  readonly outcomes: number;
  /** Requests passed over: in the version already, of another ranker or definition, or not to be read. */
  readonly older: number;
  readonly foreign: number;
  readonly otherDefinition: number;
  readonly unreadable: number;
  /** Batches that taught nothing, because a loss was not finite. */
  readonly notFinite: number;
  /** Embedding rows and feature state dropped because nothing was heard of their keys. */
  readonly expiredRows: number;
  readonly forgottenKeys: number;
}

/** What was learned since this was last taken. */
export interface LearnedPart {
  /** Event time up to which everything is learned; -Infinity before the first batch. */
  readonly until: number;
  readonly rows: number;
  /** Event times of feedback in it; every so many of them, if there were very many. */
  readonly feedbackTimes: Float64Array;
}

/**
 * What the version that learning began at has seen already: of a log in files everything up to a time; of the stream all
 * outcomes, and all examples that matured, before a watermark.
 */
export type Known = { readonly until: number } | { readonly watermark: number };

/** Where a learner stands, as JSON; what waits for a full batch is beside it. */
export interface LearnerPlace {
  readonly counts: LearnerCounts;
  readonly steps: number;
  /** Event times, in milliseconds: of the last example and outcome, and of the hours at which old keys were last dropped. */
  readonly clocks: Readonly<Record<'example' | 'outcome' | 'rowsHour' | 'stateHour', number | null>>;
  readonly notFiniteInARow: number;
  readonly known: Known | null;
  readonly learned: LearnedSoFar & { readonly until: number | null };
}

/** Of feedback times, every `stride`-th of those seen is kept. */
interface LearnedSoFar {
  readonly rows: number;
  readonly feedbackTimes: readonly number[];
  readonly stride: number;
  readonly seen: number;
}

/** What was joined, with its outcomes as what they change in feature state. */
export interface DescribedJoined extends Omit<Joined, 'outcomes'> {
  readonly outcomes: DescribedOutcomes;
}

export interface LearnerOptions {
  readonly ranker: ResumedRanker;
  /** Updated by every outcome. */
  readonly state: FeatureState;
  /** Told of every row before it is learned. */
  readonly windows: Pick<Windows, 'add'>;
  /** Any feature batch of the ranker: examples must have its columns. The golden rows, say. */
  readonly like: FeatureBatch;
  /** Passed over; nothing if left out, or what `from` says. */
  readonly known?: Known;
  /** Goes on from here; from the version as it was sealed if left out. */
  readonly from?: { readonly place: LearnerPlace; readonly waiting: readonly JoinedExample[] };
}

/**
 * The learner without a log: give it what was joined, in order. What it does is a function of the sequences of outcomes and
 * examples and of their event times, never of how they were cut into calls, nor of a clock. One call at a time; a call
 * resolves while the last batch may still be learned, so that the next can be read meanwhile: `settled` waits for that.
 */
export interface Learner {
  take(joined: Joined | DescribedJoined): Promise<void>;
  /** Learns what waits for a full batch: where a sequence ends for good. */
  flush(): Promise<void>;
  /** Resolves when everything that was taken is learned or waits for its batch; rejects if learning failed. */
  settled(): Promise<void>;
  /** The rest is for when it is settled. */
  readonly place: LearnerPlace;
  /** What waits for a full batch. */
  readonly waiting: readonly JoinedExample[];
  /** By task, weighted mean losses of the last batch before it was learned. */
  readonly losses: TaskLosses;
  takeLearned(): LearnedPart;
}

const hourMs = 3_600_000;
/** Seeds of the stream's steps are others than those of training from files. */
const streamSeed = 0x57ea;
const mostNotFinite = 5;
const mostFeedbackTimes = 256;

const startOfCounts: LearnerCounts = {
  rows: 0,
  batches: 0,
  outcomes: 0,
  older: 0,
  foreign: 0,
  otherDefinition: 0,
  unreadable: 0,
  notFinite: 0,
  expiredRows: 0,
  forgottenKeys: 0,
};

/** Before anything was learned. */
export const startOfPlace: LearnerPlace = {
  counts: startOfCounts,
  steps: 0,
  clocks: { example: null, outcome: null, rowsHour: null, stateHour: null },
  notFiniteInARow: 0,
  known: null,
  learned: { rows: 0, feedbackTimes: [], stride: 1, seen: 0, until: null },
};

export const createLearner = (options: LearnerOptions): Learner => new StreamLearner(options);

class StreamLearner implements Learner {
  readonly #options: LearnerOptions;
  readonly #tasks: readonly string[];
  readonly #rules: ReturnType<typeof labelRules>;
  readonly #settings: ReturnType<typeof streamSettings>;
  readonly #fingerprint: string;
  readonly #read: ReturnType<typeof exampleReader>;
  readonly #describe: (outcomes: readonly Outcome[]) => DescribedOutcomes;
  readonly #known: Known | null;
  readonly #counts: { -readonly [name in keyof LearnerCounts]: number };
  readonly #clocks: Record<keyof LearnerPlace['clocks'], number>;
  #steps: number;
  #notFiniteInARow: number;
  #learned: LearnedSoFar;
  #learnedUntil: number;
  #waiting: ReadExample[] = [];
  #waitingRows = 0;
  #learning: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  losses: TaskLosses = {};

  constructor(options: LearnerOptions) {
    const { definition } = options.ranker;
    const place = options.from?.place;
    this.#options = options;
    this.#tasks = Object.keys(definition.tasks);
    this.#rules = labelRules(definition);
    this.#settings = streamSettings(definition);
    this.#fingerprint = fingerprint(definition);
    this.#read = exampleReader(options.like, this.#tasks.length);
    this.#describe = outcomeDescriber(definition);
    this.#counts = { ...(place?.counts ?? startOfCounts) };
    this.#clocks = {
      example: place?.clocks.example ?? -Infinity,
      outcome: place?.clocks.outcome ?? -Infinity,
      rowsHour: place?.clocks.rowsHour ?? -Infinity,
      stateHour: place?.clocks.stateHour ?? -Infinity,
    };
    this.#known = options.known ?? place?.known ?? null;
    this.#steps = place?.steps ?? 0;
    this.#notFiniteInARow = place?.notFiniteInARow ?? 0;
    this.#learned = place?.learned ?? nothingLearned;
    this.#learnedUntil = place?.learned.until ?? -Infinity;
    for (const example of options.from?.waiting ?? []) {
      const read = this.#read(example);
      if (read !== undefined) this.#wait(read);
    }
  }

  async take({ watermark, outcomes, examples }: Joined | DescribedJoined): Promise<void> {
    this.#observe('times' in outcomes ? outcomes : this.#describe(outcomes));
    for (const example of examples) {
      const read = this.#readable(example);
      if (read === undefined) continue;
      const { matured } = example;
      if (this.#isOver(matured) || this.#waitingRows + read.batch.rows > this.#batchRows) await this.#close();
      this.#wait(read);
      this.#clocks.example = Math.max(this.#clocks.example, matured);
      if (this.#waitingRows >= this.#batchRows) await this.#close();
    }
    // Nothing that matured earlier comes any more, so this cuts where a later example would have cut.
    if (this.#isOver(watermark)) await this.#close();
  }

  async flush(): Promise<void> {
    await this.#close();
    await this.settled();
  }

  async settled(): Promise<void> {
    await this.#learning;
    if (this.#failure !== undefined) throw this.#failure;
  }

  get place(): LearnerPlace {
    const { example, outcome, rowsHour, stateHour } = this.#clocks;
    const { rows, feedbackTimes, stride, seen } = this.#learned;
    return {
      counts: { ...this.#counts },
      steps: this.#steps,
      clocks: {
        example: finite(example),
        outcome: finite(outcome),
        rowsHour: finite(rowsHour),
        stateHour: finite(stateHour),
      },
      notFiniteInARow: this.#notFiniteInARow,
      known: this.#known,
      learned: { rows, feedbackTimes, stride, seen, until: finite(this.#learnedUntil) },
    };
  }

  get waiting(): readonly JoinedExample[] {
    return this.#waiting.map(({ example }) => example);
  }

  takeLearned(): LearnedPart {
    const { rows, feedbackTimes } = this.#learned;
    this.#learned = nothingLearned;
    return { until: this.#learnedUntil, rows, feedbackTimes: Float64Array.from(feedbackTimes) };
  }

  get #batchRows(): number {
    return this.#options.ranker.settings.batch;
  }

  /** Whether the batch that waits spans its time when the log has come this far. */
  #isOver(time: number): boolean {
    const [first] = this.#waiting;
    return first !== undefined && time >= first.example.matured + this.#settings.batchSpanMs;
  }

  #observe(outcomes: DescribedOutcomes): void {
    const { state } = this.#options;
    const { times, since } = outcomes;
    let from = 0;
    const tell = (until: number): void => {
      if (from < until) state.observeDescribed(outcomes, { from, until });
      this.#counts.outcomes += until - from;
      from = until;
    };
    for (let i = 0; i < times.length; i++) {
      const time = times[i] ?? Number.NaN;
      if (isKnown(this.#known, time, since[i] ?? time)) {
        tell(i);
        from = i + 1;
      } else if (time > this.#clocks.outcome) {
        tell(i);
        this.#passTo(time);
      }
    }
    tell(times.length);
  }

  /** Lets the state's time pass, always at the same points of the sequence: sums of numbers depend on their order. */
  #passTo(time: number): void {
    const { state } = this.#options;
    this.#clocks.outcome = time;
    state.advance(time);
    const hour = Math.floor(time / hourMs) * hourMs;
    if (hour <= this.#clocks.stateHour) return;
    this.#clocks.stateHour = hour;
    this.#counts.forgottenKeys += state.expire(hour - this.#settings.forgetMs);
  }

  /** The example if it is one to learn from; counted why if not. */
  #readable(example: JoinedExample): ReadExample | undefined {
    const { ranker } = this.#options;
    const counts = this.#counts;
    if (example.ranker !== ranker.definition.name) counts.foreign++;
    else if (isKnown(this.#known, example.matured, example.time)) counts.older++;
    else if (example.fingerprint !== this.#fingerprint) counts.otherDefinition++;
    else {
      const read = this.#read(example);
      if (read === undefined) counts.unreadable++;
      return read;
    }
    return undefined;
  }

  #wait(read: ReadExample): void {
    this.#waiting.push(read);
    this.#waitingRows += read.batch.rows;
  }

  /** Begins to learn what waits, once the batch before is learned. */
  async #close(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await this.settled();
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingRows = 0;
    this.#learning = this.#learn(batch).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
  }

  /** One batch: predicted, measured, learned. */
  async #learn(read: readonly ReadExample[]): Promise<void> {
    const { ranker, windows } = this.#options;
    const { settings } = ranker;
    const now = this.#clocks.example;
    const examples = collect(read);
    const { batch, labels, times } = examples;
    const { heads: predicted } = await ranker.score(batch);
    windows.add({
      batch,
      times,
      labels,
      predicted,
      served: concat(read.map(({ example }) => example.served)),
      versions: read.map(({ example }) => example.version),
      arms: read.map(({ example }) => Object.entries(example.arms).map(([experiment, arm]) => `${experiment}=${arm}`)),
    });
    this.#expireRows(now);
    ranker.admit(batch, now);
    const weights = fakeNegativeWeights(this.#rules, { labels, predicted });
    const step = { rateFactor: settings.progressiveRate, seed: mixSeeds(ranker.seed, streamSeed, this.#steps) };
    this.#steps++;
    const losses = await ranker.learn({ ...examples, ...(weights === undefined ? {} : { weights }) }, step);
    this.losses = Object.fromEntries(this.#tasks.map((task, index) => [task, losses[index] as number]));
    this.#counts.batches++;
    this.#learnedUntil = now;
    if (losses.every(Number.isFinite)) this.#learnedFrom(read, batch.rows);
    else this.#taughtNothing();
  }

  #expireRows(now: number): void {
    const hour = Math.floor(now / hourMs) * hourMs;
    if (hour <= this.#clocks.rowsHour) return;
    this.#clocks.rowsHour = hour;
    this.#counts.expiredRows += this.#options.ranker.expire(hour);
  }

  #learnedFrom(read: readonly ReadExample[], rows: number): void {
    this.#notFiniteInARow = 0;
    this.#counts.rows += rows;
    const times = read.flatMap(({ example }) => [...example.feedbackTimes]);
    this.#learned = sampled({ ...this.#learned, rows: this.#learned.rows + rows }, times);
  }

  #taughtNothing(): void {
    this.#counts.notFinite++;
    this.#notFiniteInARow++;
    if (this.#notFiniteInARow < mostNotFinite) return;
    const broken = Object.entries(this.losses).filter(([, loss]) => !Number.isFinite(loss));
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

const nothingLearned: LearnedSoFar = { rows: 0, feedbackTimes: [], stride: 1, seen: 0 };

/** With these times too: when there are too many, every other one goes, and half as many are taken from then on. */
const sampled = ({ rows, ...before }: LearnedSoFar, times: readonly number[]): LearnedSoFar => {
  let { stride, seen } = before;
  let feedbackTimes = [...before.feedbackTimes];
  for (const time of times) {
    if (seen++ % stride === 0) feedbackTimes.push(time);
    if (feedbackTimes.length < mostFeedbackTimes) continue;
    feedbackTimes = feedbackTimes.filter((_, i) => i % 2 === 0);
    stride *= 2;
  }
  return { rows, feedbackTimes, stride, seen };
};

/** @param time of the event or of maturity; @param shown when the row was shown. */
const isKnown = (known: Known | null, time: number, shown: number): boolean =>
  known !== null && ('until' in known ? shown <= known.until : time < known.watermark);

const finite = (time: number): number | null => (Number.isFinite(time) ? time : null);
