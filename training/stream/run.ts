import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { openArtifacts, sealedVersion, type Sources } from '../../src/artifact/index.js';
import { fingerprint, streamSettings, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { EventLog } from '../../src/events/index.js';
import type { JoinedStreamOptions } from '../../src/join/index.js';
import type { EngineFactory } from '../fit/index.js';
import { openCheckpoints, type Checkpoints } from './checkpoint.js';
import { mixedExperiments, rowsText } from './contamination.js';
import { counted } from './counted-log.js';
import type { DescribedJoined } from './learner.js';
import type { LearnerCounts, LearnerPlace } from './place.js';
import { takeLock } from './lock.js';
import { choose, openLearner, type OpenLearner } from './open.js';
import { createPublisher, type Publication, type Publisher } from './publish.js';
import { encodeSealedPlace } from './sealed-place.js';
import { streamTimer, wallTimer, type Timer } from './timers.js';
import type { HeadMeasures } from './types.js';
import type { Windows } from './windows.js';
import { createWatch, type Watch } from './watch.js';

export interface RunLearnerOptions {
  /** The folder of the versions. */
  readonly models: string;
  readonly ranker: string;
  readonly log: EventLog;
  /** Joins here, or reads what `watchnext join` wrote; `events` if left out. */
  readonly from?: 'events' | 'examples';
  /** A folder for this ranker's checkpoints alone. */
  readonly checkpoints: string;
  readonly engine: EngineFactory;
  /** Ends when the log has nothing more; follows it for ever if left out. */
  readonly untilEnd?: boolean;
  /** Publishes and seals as `stream` says; true if left out. */
  readonly publish?: boolean;
  readonly sealAtEnd?: boolean;
  /** Ends learning after the batch under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Overrides how often `stream` says things are done, in milliseconds; for tests and demonstrations. */
  readonly every?: Partial<Pick<ReturnType<typeof streamSettings>, 'publishMs' | 'sealMs' | 'checkpointMs'>>;
  /**
   * What publishing, sealing and checkpoints go by: the wall clock, or the event time of the log, for a log that is written
   * in another pace than people live (then they come at whole multiples of their intervals). The wall clock if left out.
   */
  readonly clock?: 'wall' | 'stream';
  /** Everything before this event time is taken in, and what was due by then is published. */
  readonly onWatermark?: (watermark: number) => void;
  readonly onNews?: (news: LearnerNews) => void;
  /** Now and then, when asked for by `statusMs`. */
  readonly onStatus?: (status: LearnerStatus) => void;
  readonly statusMs?: number;
  readonly onDeadLetter?: JoinedStreamOptions['onDeadLetter'];
}

/** What a person wants to know when it happens. */
export type LearnerNews =
  | {
      readonly kind: 'started';
      readonly version: string;
      readonly from: 'checkpoint' | 'version';
      readonly steps: number;
      /** As it was sealed with the version. */
      readonly definition: RankerDefinition;
    }
  | ({ readonly what: 'update' | 'version' } & Publication)
  | { readonly kind: 'checkpoint'; readonly pauseMs: number; readonly seconds: number }
  | { readonly kind: 'retreat'; readonly from: string; readonly to: string; readonly reason: string }
  | { readonly kind: 'warning'; readonly message: string };

export interface LearnerStatus {
  /** Log records read since the start of this run, and rows learned, with their rates since the last status. */
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly losses: Readonly<Record<string, number>>;
  /** Of the learner's own predictions over the last `stream.window` rows. */
  readonly measures: HeadMeasures;
  /** Of what was served, by sealed version (its deltas with it): the last few that served rows of the window. */
  readonly served: Readonly<Record<string, HeadMeasures>>;
  /** Event time until which everything was read; undefined before the first event. */
  readonly watermark: number | undefined;
  /** Behind the wall clock. */
  readonly lagMs: number | undefined;
  /** What was published last, or learned on from. */
  readonly version: string;
  readonly counts: LearnerCounts;
  /** Where the rows came from, since learning began at a version trained from files. */
  readonly sources: Sources;
}

export interface LearnerReport extends Omit<LearnerStatus, 'eventsPerSecond' | 'rowsPerSecond'> {
  readonly place: LearnerPlace;
  readonly seconds: number;
  /** Milliseconds by part of the work. */
  readonly spentMs: Readonly<Record<string, number>>;
  readonly published: number;
  readonly sealed: readonly string[];
}

const readAtOnce = 2000;
/** After this long without a record the log is at its end. */
const endMs = { embedded: 300, kafka: 3000 } as const;
/** Of what was learned last, so many rows say what is usual. */
const profiledRows = 4096;
/** How often what serves is watched, in updates. */
const watchEvery = 6;

/**
 * Learns from a log: for ever, to its end, or until it is told to stop. One per ranker. What it learns is a function of the
 * log and of the version it began at; when it is killed, the next one goes on from the last checkpoint to the same bits.
 */
export async function runLearner(options: RunLearnerOptions): Promise<LearnerReport> {
  const { models, ranker, checkpoints: directory, publish = true } = options;
  const locks: (() => Promise<void>)[] = [];
  try {
    locks.push(await takeLock(join(directory, 'learner.lock'), ranker));
    if (publish) locks.push(await takeLock(join(models, ranker, 'learner.lock'), ranker));
    return await new Run(options).run();
  } finally {
    for (const unlock of locks) await unlock();
  }
}

class Run {
  readonly #options: RunLearnerOptions;
  readonly #started = performance.now();
  readonly #records = { read: 0, lastRead: -1 };
  readonly #sealed: string[] = [];
  #published = 0;
  #line: readonly string[] = [];
  #version = '';
  #watermark = -Infinity;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  #isWriting = false;
  /** Experiments that were warned of. */
  readonly #mixed = new Set<string>();

  constructor(options: RunLearnerOptions) {
    this.#options = options;
  }

  async run(): Promise<LearnerReport> {
    const { models, ranker, log, engine, from = 'events', publish = true, onDeadLetter } = this.#options;
    const artifacts = openArtifacts(models);
    const checkpoints = await openCheckpoints({
      directory: this.#options.checkpoints,
      onDamaged: ({ message }) => this.#warn(message),
    });
    let open: OpenLearner | undefined;
    let watch: Watch | undefined;
    try {
      const found = await checkpoints.latest();
      const checkpoint = await choose(artifacts, { ranker, checkpoint: found });
      if (found !== undefined && checkpoint === undefined) {
        this.#warn('another version was activated since the last checkpoint: learning begins at that version');
      }
      open = await openLearner({
        models,
        ranker,
        from,
        engine,
        checkpoint,
        log: counted(log, (records) => {
          this.#records.read += records;
          this.#records.lastRead = records;
        }),
        ...(onDeadLetter && { onDeadLetter }),
        onTrouble: (message) => this.#warn(message),
      });
      this.#line = open.line;
      const published = checkpoint?.facts.published;
      const publisher = await createPublisher({
        ...open,
        artifacts,
        directory: models,
        ...(published && { published }),
        now: Date.now,
      });
      this.#version = publisher.base;
      if (checkpoint !== undefined && publish) await this.#finishActivation(publisher, artifacts);
      watch = createWatch({ definition: open.ranker.definition, artifacts });
      await checkpoints.prepare(open.ranker.learningTables());
      this.#options.onNews?.({
        kind: 'started',
        version: publisher.base,
        from: checkpoint === undefined ? 'version' : 'checkpoint',
        steps: open.learner.place.steps,
        definition: open.ranker.definition,
      });
      await this.#follow({ open, publisher, checkpoints, watch });
      return this.#report(open);
    } finally {
      // Whatever happened, nothing is left running: ONNX Runtime must not be cut off inside a run.
      await open?.learner.settled().catch(() => undefined);
      await this.#writing;
      await checkpoints.close();
      await watch?.close();
      await open?.close();
    }
  }

  /** A version was sealed and the learner killed before it was activated: it had passed the gate. */
  async #finishActivation(publisher: Publisher, artifacts: ReturnType<typeof openArtifacts>): Promise<void> {
    const known = (await artifacts.list()).find(({ ranker }) => ranker === this.#options.ranker);
    if (known?.active !== publisher.base && known?.previous.includes(publisher.base) !== true)
      await publisher.activate();
  }

  async #follow(parts: Parts): Promise<void> {
    const { open } = parts;
    const { untilEnd = false, publish = true, sealAtEnd = false, signal, every = {} } = this.#options;
    const { onStatus, statusMs = 5000, clock = 'wall', onWatermark } = this.#options;
    const settings = { ...streamSettings(open.ranker.definition), ...every };
    const timer = (everyMs: number): Timer =>
      clock === 'wall' ? wallTimer(everyMs) : streamTimer(everyMs, () => this.#watermark);
    const timers = {
      checkpoint: timer(settings.checkpointMs),
      update: timer(publish ? settings.publishMs : Infinity),
      seal: timer(publish ? settings.sealMs : Infinity),
      status: wallTimer(statusMs),
    };
    let before = { events: 0, rows: 0, at: performance.now() };
    let reading = this.#read(open);
    for (;;) {
      const joined = await reading;
      this.#watermark = joined.watermark;
      this.#requireWritten();
      const ended = (untilEnd && this.#records.lastRead === 0) || signal?.aborted === true;
      const saving = ended || timers.seal.isDue() || timers.checkpoint.isDue();
      // A checkpoint is of what was taken: nothing may be read beyond that meanwhile.
      if (!saving) reading = this.#read(open);
      await open.learner.take(joined);
      if (timers.update.isDue()) {
        await this.#update(parts, timers.update);
      }
      if (onStatus !== undefined && timers.status.isDue()) {
        await open.learner.settled();
        const status = this.#status(open);
        onStatus(paced(status, before));
        before = { events: status.events, rows: status.rows, at: performance.now() };
        timers.status.restart();
      }
      if (!saving) {
        onWatermark?.(this.#watermark);
        continue;
      }
      await open.learner.settled();
      if (timers.seal.isDue() || (ended && sealAtEnd)) {
        await this.#seal(parts);
        timers.seal.restart();
      } else if (ended || !this.#isWriting) await this.#checkpoint(parts);
      timers.checkpoint.restart();
      onWatermark?.(this.#watermark);
      if (ended) break;
      reading = this.#read(open);
    }
    await this.#writing;
    this.#requireWritten();
  }

  /** Learning that cannot be kept is not gone on with. */
  #requireWritten(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #read(open: OpenLearner): Promise<DescribedJoined> {
    const reading = this.#readOn(open);
    // It is waited for only after the batch under way; if that fails first, this must not be nobody's.
    reading.catch(() => undefined);
    return reading;
  }

  /** While a log is away there is nothing to do but wait; who reads on then misses nothing. */
  async #readOn({ stream }: OpenLearner): Promise<DescribedJoined> {
    const { log, untilEnd = false, signal } = this.#options;
    const how = { most: readAtOnce, waitMs: untilEnd ? endMs[log.kind] : 250 };
    for (let attempt = 0; ; attempt++) {
      try {
        return await stream.next(how);
      } catch (error) {
        const away = error instanceof WatchnextError && error.code === 'log_unavailable';
        if (!away || signal?.aborted === true) throw error;
        if (attempt === 0) this.#warn(`${error.message} Learning waits for it.`);
        await wait(Math.min(5000, 250 * 2 ** attempt));
      }
    }
  }

  async #update({ open, publisher, watch }: Parts, timer: Timer): Promise<void> {
    const { learner, windows } = open;
    await learner.settled();
    timer.restart();
    const { rows, until, feedbackTimes } = learner.place.learned;
    if (rows === 0 || until === null) return;
    try {
      const part = { rows, until, feedbackTimes: Float64Array.from(feedbackTimes) };
      const publication = await publisher.update(part);
      if (publication.kind === 'published') {
        learner.takeLearned();
        this.#version = publication.version;
        this.#published++;
      }
      this.#options.onNews?.({ what: 'update', ...publication });
      if (timer.times % watchEvery === 0) {
        const retreat = await watch.check(windows);
        if (retreat !== undefined) this.#options.onNews?.({ kind: 'retreat', ...retreat });
      }
    } catch (error) {
      // Learning does not depend on it: what was not published is part of the next update.
      this.#warn(`An update could not be published: ${messageOf(error)}`);
    }
  }

  /** Sealed first, then remembered, then activated: killed in between, the next learner goes on with the same version. */
  async #seal(parts: Parts): Promise<void> {
    const { open, publisher } = parts;
    const { learner, windows, state, stream, base } = open;
    const { publish = true } = this.#options;
    try {
      const { place } = learner;
      const position = stream.position();
      const until = place.learned.until ?? Date.parse(base.manifest.data.until);
      const publication = await publisher.seal({
        state: state.snapshot(),
        data: { from: Date.parse(base.manifest.data.from), until, rows: base.manifest.data.rows + place.counts.rows },
        trainer: { learnedFrom: this.#line[0], steps: place.steps, counts: place.counts, sources: place.sources },
        metrics: windows.measures({ by: 'learner' }),
        ...(windows.rows > 0 && { recent: windows.newest(profiledRows).batch }),
        ...(Number.isFinite(position.watermark) && { stream: position }),
        training: encodeSealedPlace(learner, windows),
      });
      this.#options.onNews?.({ what: 'version', ...publication });
      if (publication.kind === 'published') {
        learner.takeLearned();
        this.#line = [...this.#line.slice(-49), publication.version];
        this.#version = publication.version;
        this.#sealed.push(publication.version);
        await this.#writing;
        await this.#checkpoint(parts);
        await this.#writing;
        if (this.#failure === undefined && publish) await publisher.activate();
        return;
      }
    } catch (error) {
      this.#warn(`A version could not be sealed: ${messageOf(error)}`);
    }
    await this.#writing;
    await this.#checkpoint(parts);
  }

  /** Learning waits while everything is copied; a thread writes. */
  async #checkpoint({ open, publisher, checkpoints }: Parts): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) return;
    const { ranker, learner, stream, state, windows } = open;
    this.#tellMixed(open);
    const started = performance.now();
    const dense = await ranker.denseState();
    requireFinite(dense);
    const parts = {
      facts: {
        ranker: ranker.definition.name,
        fingerprint: fingerprint(ranker.definition),
        line: this.#line,
        published: publisher.published,
        place: learner.place,
      },
      stream: await stream.snapshot(),
      state: state.snapshot(),
      windows: windows.snapshot(),
      waiting: learner.waiting,
      dense,
      tables: copied(checkpoints.copy(ranker.learningTables())),
    };
    const pauseMs = performance.now() - started;
    this.#isWriting = true;
    this.#writing = checkpoints
      .write(parts)
      .then(
        () => {
          const seconds = (performance.now() - started) / 1000;
          this.#options.onNews?.({ kind: 'checkpoint', pauseMs, seconds });
        },
        (error: unknown) => void (this.#failure = error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => (this.#isWriting = false));
  }

  #status({ learner, windows }: OpenLearner): Omit<LearnerStatus, 'eventsPerSecond' | 'rowsPerSecond'> {
    const { counts, sources = {} } = learner.place;
    const watermark = Number.isFinite(this.#watermark) ? this.#watermark : undefined;
    return {
      events: this.#records.read,
      rows: counts.rows,
      losses: learner.losses,
      measures: windows.measures({ by: 'learner' }),
      served: servedMeasures(windows),
      watermark,
      lagMs: watermark === undefined ? undefined : Math.max(0, Date.now() - watermark),
      version: this.#version,
      counts,
      sources,
    };
  }

  #report(open: OpenLearner): LearnerReport {
    return {
      ...this.#status(open),
      place: open.learner.place,
      seconds: (performance.now() - this.#started) / 1000,
      spentMs: open.ranker.spentMs(),
      published: this.#published,
      sealed: this.#sealed,
    };
  }

  /** What would make an experiment's arms alike is said once, when it shows. */
  #tellMixed({ ranker, learner }: OpenLearner): void {
    const { name } = ranker.definition;
    for (const { experiment, own, others } of mixedExperiments(name, learner.place.sources ?? {})) {
      if (this.#mixed.has(experiment)) continue;
      this.#mixed.add(experiment);
      this.#warn(
        `${name} learns from arms of ${experiment} that other rankers serve (${rowsText(others)} rows; of its own arms ` +
          `${own}): the arms grow alike. stream.arms and stream.rankers say what is learned.`,
      );
    }
  }

  #warn(message: string): void {
    this.#options.onNews?.({ kind: 'warning', message });
  }
}

interface Parts {
  readonly open: OpenLearner;
  readonly publisher: Publisher;
  readonly checkpoints: Checkpoints;
  readonly watch: Watch;
}

/** So many sealed versions are measured apart. */
const measuredVersions = 3;

/** Lists of other rankers (named ranker@version) are no measure of this one’s versions. */
const servedMeasures = (windows: Windows): Record<string, HeadMeasures> => {
  const own = windows.versions().filter((version) => version !== '' && !version.includes('@'));
  const sealed = [...new Set(own.map(sealedVersion))].slice(-measuredVersions);
  return Object.fromEntries(sealed.map((version) => [version, windows.measures({ by: { sealed: version } })]));
};

/** A checkpoint without its tables would look whole and be none. */
function copied<T>(tables: T | undefined): T {
  if (tables !== undefined) return tables;
  throw new Error('A checkpoint is to be written while the last one still is.');
}

interface Pace {
  readonly events: number;
  readonly rows: number;
  readonly at: number;
}

const paced = (status: Omit<LearnerStatus, 'eventsPerSecond' | 'rowsPerSecond'>, before: Pace): LearnerStatus => {
  const seconds = (performance.now() - before.at) / 1000;
  return {
    ...status,
    eventsPerSecond: (status.events - before.events) / seconds,
    rowsPerSecond: (status.rows - before.rows) / seconds,
  };
};

/** A broken state is never kept: the checkpoint before it is the one to go back to. */
function requireFinite(dense: ReadonlyMap<string, Float32Array>): void {
  for (const [name, values] of dense) {
    if (values.every(Number.isFinite)) continue;
    throw new WatchnextError('training_diverged', `The weights ${name} hold values that are no numbers.`, {
      problems: [
        {
          path: name,
          message: 'not finite',
          hint: 'lower training.progressive_rate; learning goes on from the last checkpoint when it is started again',
        },
      ],
    });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
