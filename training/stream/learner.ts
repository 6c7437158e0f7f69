import { fingerprint, streamSettings } from '../../src/definition/index.js';
import {
  outcomeDescriber,
  type DescribedOutcomes,
  type FeatureBatch,
  type FeatureState,
} from '../../src/features/index.js';
import type { Joined, JoinedExample } from '../../src/join/index.js';
import type { ResumedRanker, TaskLosses } from '../fit/index.js';
import { BatchLearner } from './batch-learner.js';
import { rowWeights } from './chosen.js';
import { collect, exampleReader, type ReadExample } from './examples.js';
import type { LearnedPart } from './learned-part.js';
import { isKnown, startOfCounts, type Known, type LearnerCounts, type LearnerPlace } from './place.js';
import type { Windows } from './windows.js';

/** What was joined, with its outcomes as what they change in feature state. */
export interface DescribedJoined extends Omit<Joined, 'outcomes'> {
  readonly outcomes: DescribedOutcomes;
}

/** Who served a list, with what. */
export type Served = Pick<JoinedExample, 'ranker' | 'version' | 'fingerprint'>;

export interface LearnerOptions {
  readonly ranker: ResumedRanker;
  /** Updated by every outcome. */
  readonly state: FeatureState;
  /** Told of every row with what was predicted of it before it was learned. */
  readonly windows: Pick<Windows, 'add'>;
  /** Any feature batch of the ranker: examples must have its columns. The golden rows, say. */
  readonly like: FeatureBatch;
  /**
   * Whether another ranker's list was served with the same features, so that it can be learned from (`stream.rankers`); none
   * is if left out. The same answer for the same list, always.
   */
  readonly agrees?: (served: Served) => Promise<boolean>;
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

export const createLearner = (options: LearnerOptions): Learner => new StreamLearner(options);

class StreamLearner implements Learner {
  readonly #options: LearnerOptions;
  readonly #settings: ReturnType<typeof streamSettings>;
  readonly #fingerprint: string;
  readonly #read: ReturnType<typeof exampleReader>;
  readonly #describe: ReturnType<typeof outcomeDescriber>;
  readonly #rankers: ReadonlySet<string>;
  readonly #weightOf: ReturnType<typeof rowWeights>;
  readonly #batches: BatchLearner;
  readonly #known: Known | null;
  readonly #counts: { -readonly [name in keyof LearnerCounts]: number };
  readonly #clocks: Record<'example' | 'outcome' | 'stateHour', number>;
  #waiting: ReadExample[] = [];
  #waitingRows = 0;
  #learning: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(options: LearnerOptions) {
    const { definition } = options.ranker;
    const place = options.from?.place;
    this.#options = options;
    this.#settings = streamSettings(definition);
    this.#fingerprint = fingerprint(definition);
    this.#read = exampleReader(options.like, Object.keys(definition.tasks).length);
    this.#describe = outcomeDescriber(definition);
    this.#rankers = new Set(this.#settings.rankers);
    this.#weightOf = rowWeights(definition);
    this.#batches = new BatchLearner({ ...options, ...(place && { place }) });
    this.#counts = { ...startOfCounts, ...place?.counts };
    this.#clocks = {
      example: place?.clocks.example ?? -Infinity,
      outcome: place?.clocks.outcome ?? -Infinity,
      stateHour: place?.clocks.stateHour ?? -Infinity,
    };
    this.#known = options.known ?? place?.known ?? null;
    for (const example of options.from?.waiting ?? []) {
      const read = this.#read(example);
      if (read !== undefined) this.#wait(read);
    }
  }

  async take({ watermark, outcomes, examples }: Joined | DescribedJoined): Promise<void> {
    this.#observe('times' in outcomes ? outcomes : this.#describe(outcomes));
    for (const example of examples) {
      const read = this.#readable(example, this.#isOwn(example) || (await this.#agrees(example)));
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
    const { example, outcome, stateHour } = this.#clocks;
    const { counts, rowsHour, ...ofBatches } = this.#batches.place;
    return {
      counts: { ...this.#counts, ...counts },
      clocks: {
        example: finite(example),
        outcome: finite(outcome),
        rowsHour: finite(rowsHour),
        stateHour: finite(stateHour),
      },
      known: this.#known,
      ...ofBatches,
    };
  }

  get losses(): TaskLosses {
    return this.#batches.losses;
  }

  get waiting(): readonly JoinedExample[] {
    return this.#waiting.map(({ example }) => example);
  }

  takeLearned(): LearnedPart {
    return this.#batches.takeLearned();
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
  #readable(example: JoinedExample, agrees: boolean): ReadExample | undefined {
    const counts = this.#counts;
    const isOwn = this.#isOwn(example);
    if (!isOwn && !this.#rankers.has(example.ranker)) counts.foreign++;
    else if (isKnown(this.#known, example.matured, example.time)) counts.older++;
    else if (!agrees || (isOwn && example.fingerprint !== this.#fingerprint)) counts.otherDefinition++;
    else if (this.#weightOf(example.arms) === 0) counts.otherArms++;
    else {
      const read = this.#read(example);
      if (read === undefined) counts.unreadable++;
      return read;
    }
    return undefined;
  }

  #isOwn({ ranker }: Served): boolean {
    return ranker === this.#options.ranker.definition.name;
  }

  async #agrees(example: Served): Promise<boolean> {
    return this.#rankers.has(example.ranker) && (await this.#options.agrees?.(example)) === true;
  }

  #wait(read: ReadExample): void {
    this.#waiting.push(read);
    this.#waitingRows += read.batch.rows;
  }

  /** Begins to learn what waits, once the batch before is learned; it is put together meanwhile. */
  async #close(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const read = this.#waiting;
    this.#waiting = [];
    this.#waitingRows = 0;
    const examples = collect(read);
    await this.settled();
    this.#learning = this.#batches.learn({ read, examples, now: this.#clocks.example }).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
  }
}

const finite = (time: number): number | null => (Number.isFinite(time) ? time : null);
