import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts, type LoadedArtifact } from '../../src/artifact/index.js';
import {
  collectExamples,
  ExampleSpool,
  learnLesson,
  resumeRanker,
  sealRanker,
  trainRanker,
  type ExampleLog,
  type ModelState,
  type ResumedRanker,
  type TrainedRanker,
  type TrainingHistory,
} from '../fit/index.js';
import { learnAsStream } from './as-stream.js';
import {
  drain,
  nothingToScore,
  periodsOf,
  requireScorable,
  type EvaluateOptions,
  type PeriodMetrics,
} from './evaluate.js';
import type { Period } from './baselines.js';
import { measure, overSeeds, type SeededMetrics, type TaskMetrics } from './measure.js';
import { PredictionLog, type Predictions } from './predictions.js';

export interface RefreshOptions extends Omit<EvaluateOptions, 'progressiveMs' | 'baselines'> {
  /** Predict a period of this length, then learn it. */
  readonly intervalsMs: readonly number[];
}

/** One way to keep a model fresh, and how well it predicts all that comes. */
export interface Refresh {
  /** Infinity: never; 0: as the learner does, a batch at a time in temporal order. */
  readonly intervalMs: number;
  readonly tasks: Readonly<Record<string, SeededMetrics>>;
  /** Of the same periods for every interval: the longest of them. */
  readonly periods: readonly PeriodMetrics[];
}

export interface RefreshEvaluation {
  /** From never to at once. */
  readonly refresh: readonly Refresh[];
  readonly seeds: readonly number[];
  readonly protocol: { readonly trainUntil: number; readonly from: number; readonly to: number };
  /** Of the first seed, for plots. */
  readonly history: TrainingHistory;
}

/**
 * How much a model gains from being refreshed often: Monolith's protocol (Liu et al. 2022, section 4.2). A model is trained
 * once; then, per interval, it serves a period, learns it, serves the next. The log is read once.
 */
export const evaluateRefresh = async (options: RefreshOptions): Promise<RefreshEvaluation> => {
  const { definition, dataset, trainUntil, from, seeds, onProgress, signal } = options;
  const to = options.to ?? dataset.span.last + 1;
  requireScorable(options);
  const intervals = [Infinity, ...new Set(options.intervalsMs), 0].toSorted((a, b) => b - a);
  const periods = periodsOf({ from, to }, Math.max(...options.intervalsMs));
  const collected = await collectExamples({
    definition,
    dataset,
    range: { until: trainUntil },
    ...(signal === undefined ? {} : { signal }),
    onProgress: (progress) => onProgress?.({ ...progress, subject: 'log' }),
  });
  try {
    const runs: SeedRun[] = [];
    for (const [index, seed] of seeds.entries()) {
      const subject = seeds.length === 1 ? definition.name : `seed ${index + 1} of ${seeds.length}`;
      runs.push(await runSeed({ ...options, to, collected, seed, subject, intervals, periods }));
    }
    const [first] = runs;
    if (first === undefined) throw new RangeError('there is no seed to train with');
    return {
      refresh: intervals.map((intervalMs, index) => ({
        intervalMs,
        tasks: overSeeds(runs.map(({ measured }) => measured[index]?.tasks ?? {})),
        periods: periods.map((period, place) => ({
          ...period,
          tasks: overSeeds(runs.map(({ measured }) => measured[index]?.periods[place] ?? {})),
        })),
      })),
      seeds,
      protocol: { trainUntil, from, to },
      history: first.history,
    };
  } finally {
    await collected.close();
  }
};

interface SeedOptions extends RefreshOptions {
  readonly to: number;
  readonly collected: ExampleLog;
  readonly seed: number;
  readonly subject: string;
  readonly intervals: readonly number[];
  readonly periods: readonly Period[];
}

interface SeedRun {
  readonly measured: readonly Measured[];
  readonly history: TrainingHistory;
}

interface Measured {
  readonly tasks: Record<string, TaskMetrics>;
  readonly periods: readonly Record<string, TaskMetrics>[];
}

/** Trains once; every interval goes on from there over the same rows. */
const runSeed = async (options: SeedOptions): Promise<SeedRun> => {
  const { definition, intervals, periods, subject, onProgress } = options;
  const spool = new ExampleSpool();
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-refresh-'));
  let ranker: ResumedRanker | undefined;
  try {
    const { frozen, artifact, history } = await trainAndRead(options, { spool, folder });
    if (spool.rows === 0) throw nothingToScore(options);
    ranker = await resumeRanker({ artifact, engine: options.engine });
    const start = await ranker.trainingState();
    const measured: Measured[] = [];
    for (const intervalMs of intervals) {
      onProgress?.({ phase: 'scoring', done: measured.length, total: intervals.length, subject });
      const predictions =
        intervalMs === Infinity
          ? frozen
          : withHeads(frozen, await predictRefreshed({ ...options, ranker, start, spool, artifact, intervalMs }));
      measured.push({
        tasks: measure(definition, predictions),
        periods: periods.map((period) => measure(definition, between(predictions, period))),
      });
    }
    return { measured, history };
  } finally {
    await ranker?.close();
    await spool.close();
    await rm(folder, { recursive: true, force: true });
  }
};

interface TrainedOnce {
  /** What the model says that never learns again. */
  readonly frozen: Predictions;
  readonly artifact: LoadedArtifact;
  readonly history: TrainingHistory;
}

/** Trains, seals, and reads what comes afterwards into the spool, scoring it on the way. */
const trainAndRead = async (
  options: SeedOptions,
  { spool, folder }: { readonly spool: ExampleSpool; readonly folder: string },
): Promise<TrainedOnce> => {
  const { definition, dataset, engine, collected, trainUntil, from, to, seed, signal, subject, onProgress } = options;
  const trained: TrainedRanker = await trainRanker({
    definition,
    dataset,
    engine,
    examples: collected,
    until: trainUntil,
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: (progress) => onProgress?.({ ...progress, subject }),
  });
  try {
    const definitionText = JSON.stringify(definition);
    const { version } = await sealRanker({
      trained,
      directory: folder,
      definitionText,
      sample: collected.sample,
      metrics: {},
    });
    const log = new PredictionLog(definition);
    if (from > trainUntil) await drain(trained.predict({ from: trainUntil, until: from }));
    for await (const scored of trained.predict({ from, until: to })) {
      await spool.append(scored);
      log.appendBlock(scored.requests, scored.heads);
    }
    const artifact = await openArtifacts(folder).load(definition.name, version, { training: true });
    return { frozen: log.since(), artifact, history: trained.history };
  } finally {
    await trained.close();
  }
};

interface RefreshedOptions extends SeedOptions {
  readonly ranker: ResumedRanker;
  readonly start: ModelState;
  readonly artifact: LoadedArtifact;
  readonly spool: ExampleSpool;
  readonly intervalMs: number;
}

/** [rows, tasks], by a model that is as fresh as the interval lets it be. */
const predictRefreshed = async (options: RefreshedOptions): Promise<Float32Array[]> => {
  const { ranker, start, spool, artifact, intervalMs, from, to } = options;
  await ranker.restore(start);
  const everything = { first: 0, end: spool.requests };
  if (intervalMs === 0)
    return learnAsStream({ ranker, like: artifact.golden.batch, examples: spool.inOrder(everything) });
  const heads: Float32Array[] = [];
  const periods = periodsOf({ from, to }, intervalMs);
  for (const [index, period] of periods.entries()) {
    const range = { first: await spool.firstAt(period.from), end: await spool.firstAt(period.to) };
    for await (const { batch } of spool.inOrder(range)) heads.push((await ranker.score(batch)).heads);
    if (index === periods.length - 1 || range.end === range.first) continue;
    const { settings, labelScaling } = ranker;
    const learner = {
      learn: ranker.learn.bind(ranker),
      admit: ({ batch, times }: Parameters<ResumedRanker['learn']>[0]) => ranker.admit(batch, times.at(-1) ?? 0),
    };
    await learnLesson({ learner, spool, range, settings, labelScaling, lesson: index + 1 });
  }
  return heads;
};

/** The same rows with other predictions, given as parts of [rows, tasks]. */
const withHeads = (predictions: Predictions, parts: readonly Float32Array[]): Predictions => {
  const tasks = predictions.tasks.length;
  const columns = predictions.tasks.map(() => new Float64Array(predictions.times.length));
  let row = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at++) {
      const column = columns[at % tasks];
      if (column !== undefined) column[row + Math.floor(at / tasks)] = part[at] ?? Number.NaN;
    }
    row += part.length / tasks;
  }
  if (row !== predictions.times.length)
    throw new RangeError(`${row} of ${predictions.times.length} rows were predicted`);
  return { ...predictions, heads: columns };
};

/** Those rows; they are in the order of time. */
const between = (predictions: Predictions, { from, to }: Period): Predictions => {
  const at = (time: number): number => {
    const found = predictions.times.findIndex((other) => other >= time);
    return found < 0 ? predictions.times.length : found;
  };
  const [first, end] = [at(from), at(to)];
  return {
    tasks: predictions.tasks,
    times: predictions.times.subarray(first, end),
    groups: predictions.groups.slice(first, end),
    requests: predictions.requests.slice(first, end),
    heads: predictions.heads.map((column) => column.subarray(first, end)),
    labels: predictions.labels.map((column) => column.subarray(first, end)),
  };
};
