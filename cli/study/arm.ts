import type { LoadedArtifact } from '../../src/artifact/index.js';
import {
  encodeEvent,
  type Feedback,
  type Impression,
  type LoggedEvent,
  type LogRecord,
} from '../../src/events/index.js';
import type { ArmSettings, Experiments } from '../../src/experiments/index.js';
import {
  createEncoder,
  createFeatureReader,
  createFeatureState,
  restoreFeatureState,
  type FeatureBatch,
} from '../../src/features/index.js';
import { openGraph, type Rankers, type Scores, type ServedModel } from '../../src/inference/index.js';
import { createPipeline, type JoinedExample } from '../../src/join/index.js';
import { createRanking, type Entities, type RankAnswer, type RankRequest } from '../../src/ranking/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { resumeRanker, type EngineFactory } from '../../training/fit/index.js';
import { createLearner } from '../../training/stream/index.js';

export interface ArmOptions {
  /** Loaded for training where the arm learns. */
  readonly artifact: LoadedArtifact;
  readonly engine: EngineFactory;
  /** How often what is joined is learned and served, milliseconds of event time; Infinity, never, if left out. */
  readonly learnEveryMs?: number;
  /** Whether features see what happens; true if left out. */
  readonly followState?: boolean;
  /** What an experiment's arm changes: weights, exploration. */
  readonly settings?: ArmSettings;
  /** Told of every list that was answered, as it is logged. */
  readonly onImpression?: (impression: Impression) => void;
  /** Told of all feedback that is to be logged. */
  readonly onFeedback?: (events: readonly Feedback[]) => void;
}

/**
 * A sealed version behind the service's own ranking, with a log of its own that is joined, followed by its feature state and
 * learned from, all in one process and in event time. Time never goes back; one call at a time.
 */
export interface Arm {
  /** Answers a request as of this time, with everything known that was logged before. */
  rank(request: RankRequest, time: number): Promise<RankAnswer>;
  /** Events to be logged when their time comes. */
  feedback(events: readonly Feedback[]): void;
  /** Rows learned so far. */
  readonly learnedRows: number;
  close(): Promise<void>;
}

export const openArm = async (options: ArmOptions): Promise<Arm> => {
  const { artifact, learnEveryMs = Infinity, followState = true, settings, onImpression, onFeedback } = options;
  const { definition } = artifact;
  const state = restoreFeatureState(definition, artifact.state);
  const mind = await (learnEveryMs === Infinity ? fixedMind(artifact) : learningMind(options));
  const log = createLog(definition, learnEveryMs < Infinity);
  let now = 0;
  let learnAt: number | undefined;
  const rank = createRanking({
    rankers: rankersOf({ artifact, score: mind.score, reader: createFeatureReader({ definition, state }) }),
    entities: nothingPut,
    metrics: createMetrics(),
    logger: silentLogger,
    now: () => now,
    ...(settings && { experiments: everybodyGets(settings) }),
    record: (shown) => {
      const event = shown();
      log.add(event);
      if (event.kind === 'impression') onImpression?.(event);
    },
  });
  return {
    async rank(request, time) {
      now = time;
      const { outcomes, examples } = log.until(time);
      if (followState) state.observe(outcomes);
      mind.keep(examples);
      learnAt ??= nextTime(time, learnEveryMs);
      if (time >= learnAt) {
        await mind.learn();
        learnAt = nextTime(time, learnEveryMs);
      }
      return rank(request);
    },
    feedback(events) {
      log.later(events);
      onFeedback?.(events);
    },
    get learnedRows() {
      return mind.learnedRows;
    },
    close: () => mind.close(),
  };
};

const nextTime = (time: number, everyMs: number): number =>
  everyMs === Infinity ? Infinity : (Math.floor(time / everyMs) + 1) * everyMs;

/** The log of an arm: one partition in the order of time, joined as it grows. */
const createLog = (definition: LoadedArtifact['definition'], examples: boolean) => {
  const partition = 0;
  const pipeline = createPipeline({ definition, partitions: [partition], examples, start: [0] });
  let records: LogRecord[] = [];
  let offset = 0;
  let pending: readonly Feedback[] = [];
  const add = (event: LoggedEvent): void => {
    records.push({ partition, offset: offset++, time: event.time, value: encodeEvent(event) });
  };
  return {
    add,
    later: (events: readonly Feedback[]): void => {
      pending = [...pending, ...events].sort((a, b) => a.time - b.time);
    },
    /** What has become of everything dated up to a time. */
    until: (time: number) => {
      const after = pending.findIndex((event) => event.time > time);
      const due = after < 0 ? pending.length : after;
      pending.slice(0, due).forEach(add);
      pending = pending.slice(due);
      const taken = records;
      records = [];
      return pipeline.take(taken).joined;
    },
  };
};

/** What scores, and what it learns. */
interface Mind {
  readonly score: (batch: FeatureBatch) => Promise<Scores>;
  /** To be learned next time. */
  keep(examples: Iterable<JoinedExample>): void;
  learn(): Promise<void>;
  readonly learnedRows: number;
  close(): Promise<void>;
}

/** The sealed graph and tables, as the service runs them. */
const fixedMind = async ({ definition, parameters, tables, graph }: LoadedArtifact): Promise<Mind> => {
  const encoder = createEncoder({ definition, parameters, tables });
  const session = await openGraph(graph, 'cpu');
  return {
    score: (batch) => session.run(encoder.encode(batch)),
    keep: () => undefined,
    learn: () => Promise.resolve(),
    learnedRows: 0,
    close: () => session.release(),
  };
};

/** The stream's learner; it scores with what it has learned, which is what a delta of it would serve. */
const learningMind = async ({ artifact, engine }: ArmOptions): Promise<Mind> => {
  const ranker = await resumeRanker({ artifact, engine });
  const learner = createLearner({
    ranker,
    // The arm's own state follows at once, whenever something is learned.
    state: createFeatureState(artifact.definition),
    windows: { add: () => undefined },
    like: artifact.golden.batch,
  });
  let waiting: JoinedExample[] = [];
  return {
    score: (batch) => ranker.score(batch),
    keep: (examples) => void waiting.push(...examples),
    async learn() {
      const examples = waiting;
      waiting = [];
      await learner.take({ watermark: -Infinity, outcomes: [], examples });
      await learner.settled();
    },
    get learnedRows() {
      return learner.place.counts.rows;
    },
    close: () => ranker.close(),
  };
};

interface Served {
  readonly artifact: LoadedArtifact;
  readonly score: Mind['score'];
  readonly reader: ServedModel['reader'];
}

const rankersOf = ({ artifact: { manifest, definition }, score, reader }: Served): Rankers => {
  const { ranker, version } = manifest;
  const nothing = (): Promise<void> => Promise.resolve();
  const scorer = { version, tasks: Object.keys(definition.tasks), device: 'cpu' as const, score, close: nothing };
  const model: ServedModel = { ranker, version, definition, about: {}, reader, scorer, close: nothing };
  const oneVersion = (): Promise<never> => Promise.reject(new Error('an arm serves one version'));
  return {
    ready: true,
    notReady: undefined,
    definitions: [definition],
    definitionOf: () => definition,
    use: (_, work) => work(model),
    list: () => Promise.resolve([]),
    activate: oneVersion,
    rollback: oneVersion,
    close: nothing,
  };
};

/** Nobody is compared with anybody here: each arm is a service of its own. */
const everybodyGets = (settings: ArmSettings): Experiments => ({
  assign: () => ({ arms: {}, settings, exposed: [] }),
  armSettings: () => [],
  status: () => ({ source: 'study', loadedAt: undefined, experiments: [], refused: undefined }),
  close: () => Promise.resolve(),
});

/** Requests bring the fields of their user and candidates. */
const nothingPut: Entities = {
  put: () => Promise.resolve(),
  read: (_, ids) => Promise.resolve({ known: ids.map(() => undefined), stale: 0, unread: 0 }),
};
