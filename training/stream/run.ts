import { join } from 'node:path';
import { openArtifacts } from '../../src/artifact/index.js';
import { streamSettings } from '../../src/definition/index.js';
import type { EventLog } from '../../src/events/index.js';
import type { JoinedStreamOptions } from '../../src/join/index.js';
import type { EngineFactory } from '../fit/index.js';
import { openCheckpoints } from './checkpoint.js';
import { counted, type CountedLog } from './counted-log.js';
import { takeLock } from './lock.js';
import type { LearnerNews } from './news.js';
import { choose, openLearner, type OpenLearner } from './open.js';
import { createPublisher } from './publish.js';
import { createReading } from './reading.js';
import { createReleasing, finishActivation, type Releasing } from './releasing.js';
import { createSaving, type Saving } from './saving.js';
import { createPace, statusOf, type LearnerReport, type LearnerStatus, type Unpaced } from './status.js';
import { streamTimer, wallTimer, type Timer } from './timers.js';
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
    return await learn(options);
  } finally {
    for (const unlock of locks) await unlock();
  }
}

const learn = async (options: RunLearnerOptions): Promise<LearnerReport> => {
  const {
    models,
    ranker,
    engine,
    from = 'events',
    publish = true,
    onDeadLetter,
    onNews: tell = () => undefined,
  } = options;
  const started = performance.now();
  const warn = (message: string): void => tell({ kind: 'warning', message });
  const log = counted(options.log);
  const artifacts = openArtifacts(models);
  const checkpoints = await openCheckpoints({
    directory: options.checkpoints,
    onDamaged: ({ message }) => warn(message),
  });
  let open: OpenLearner | undefined;
  let saving: Saving | undefined;
  let watch: Watch | undefined;
  try {
    const found = await checkpoints.latest();
    const checkpoint = await choose(artifacts, { ranker, checkpoint: found });
    if (found !== undefined && checkpoint === undefined)
      warn('another version was activated since the last checkpoint: learning begins at that version');
    open = await openLearner({
      ...{ models, ranker, from, engine, checkpoint, log },
      ...(onDeadLetter && { onDeadLetter }),
      onTrouble: warn,
    });
    const published = checkpoint?.facts.published;
    const publisher = await createPublisher({
      ...open,
      artifacts,
      directory: models,
      ...(published && { published }),
      now: Date.now,
    });
    if (checkpoint !== undefined && publish) await finishActivation(publisher, artifacts, ranker);
    watch = createWatch({ definition: open.ranker.definition, artifacts });
    await checkpoints.prepare(open.ranker.learningTables());
    tell({
      kind: 'started',
      version: publisher.base,
      from: checkpoint === undefined ? 'version' : 'checkpoint',
      steps: open.learner.place.steps,
      definition: open.ranker.definition,
    });
    saving = createSaving({ open, publisher, checkpoints, tell });
    const releasing = createReleasing({ open, publisher, watch, saving, activates: publish, tell });
    const status = await follow({ open, log, saving, releasing, warn }, options);
    return {
      ...status,
      place: open.learner.place,
      seconds: (performance.now() - started) / 1000,
      spentMs: open.ranker.spentMs(),
      published: releasing.published,
      sealed: releasing.sealed,
    };
  } finally {
    // Whatever happened, nothing is left running: ONNX Runtime must not be cut off inside a run.
    await open?.learner.settled().catch(() => undefined);
    await saving?.settled();
    await checkpoints.close();
    await watch?.close();
    await open?.close();
  }
};

interface Parts {
  readonly open: OpenLearner;
  readonly log: CountedLog;
  readonly saving: Saving;
  readonly releasing: Releasing;
  readonly warn: (message: string) => void;
}

/** Reads and learns until it is over; answers how it stands then, all of it in a checkpoint. */
const follow = async (parts: Parts, options: RunLearnerOptions): Promise<Unpaced> => {
  const { open, log, saving, releasing, warn } = parts;
  const { untilEnd = false, publish = true, sealAtEnd = false, signal, every = {} } = options;
  const { onStatus, statusMs = 5000, clock = 'wall', onWatermark } = options;
  const { learner, stream } = open;
  const settings = { ...streamSettings(open.ranker.definition), ...every };
  let watermark = -Infinity;
  const timer = (everyMs: number): Timer =>
    clock === 'wall' ? wallTimer(everyMs) : streamTimer(everyMs, () => watermark);
  const timers = {
    checkpoint: timer(settings.checkpointMs),
    update: timer(publish ? settings.publishMs : Infinity),
    seal: timer(publish ? settings.sealMs : Infinity),
    status: wallTimer(statusMs),
  };
  const pace = createPace();
  const status = (): Promise<Unpaced> =>
    statusOf({ open, log: options.log, clock, events: log.read.records, watermark, version: releasing.version });
  const reading = createReading({ stream, log, untilEnd, signal, warn });

  let next = reading.next();
  for (;;) {
    const joined = await next;
    ({ watermark } = joined);
    saving.requireWritten();
    const ended = reading.isOver();
    const saves = ended || timers.seal.isDue() || timers.checkpoint.isDue();
    // A checkpoint is of what was taken: nothing may be read beyond that meanwhile.
    if (!saves) next = reading.next();
    await learner.take(joined);
    if (timers.update.isDue()) {
      await learner.settled();
      timers.update.restart();
      await releasing.update();
    }
    if (onStatus !== undefined && timers.status.isDue()) {
      await learner.settled();
      onStatus(pace(await status()));
      timers.status.restart();
    }
    if (!saves) {
      onWatermark?.(watermark);
      continue;
    }
    await learner.settled();
    if (timers.seal.isDue() || (ended && sealAtEnd)) {
      await releasing.seal();
      timers.seal.restart();
    } else if (ended || !saving.isWriting) await saving.save(releasing.line);
    timers.checkpoint.restart();
    onWatermark?.(watermark);
    if (ended) break;
    next = reading.next();
  }
  await saving.settled();
  saving.requireWritten();
  return status();
};
