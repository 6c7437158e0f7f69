import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { Dataset } from '../dataset/index.js';
import {
  collectExamples,
  trainRanker,
  type EngineFactory,
  type ExampleLog,
  type TrainedRanker,
  type TrainingHistory,
  type TrainingProgress,
} from '../fit/index.js';
import {
  baselineNames,
  countingBaselines,
  runBaseline,
  singleTaskDefinition,
  type BaselineName,
  type Period,
} from './baselines.js';
import { measure, overSeeds, calibrationOf, type SeededMetrics, type TaskMetrics } from './measure.js';
import type { CalibrationBin } from '../metrics/index.js';
import { PredictionLog } from './predictions.js';

export const DAY_MS = 86_400_000;

export interface EvaluateOptions {
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests' | 'count' | 'span'>;
  readonly engine: EngineFactory;
  /** Milliseconds since the epoch: trained on what is before, scored on from <= time < to. */
  readonly trainUntil: number;
  readonly from: number;
  /** The end of the log if left out. */
  readonly to?: number;
  /** Predict a period of this length, then learn it; one frozen model if left out. */
  readonly progressiveMs?: number;
  readonly seeds: readonly number[];
  /** Which to compare with; all if left out. */
  readonly baselines?: readonly BaselineName[];
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}

export interface EvaluationProgress extends Omit<TrainingProgress, 'phase'> {
  readonly phase: TrainingProgress['phase'] | 'scoring' | 'learning';
  /** What is being evaluated: "seed 1 of 3", "single_task". */
  readonly subject: string;
}

export interface PeriodMetrics {
  readonly from: number;
  readonly to: number;
  readonly tasks: Readonly<Record<string, SeededMetrics>>;
}

export interface Evaluation {
  /** Means over seeds over all rows scored. */
  readonly tasks: Readonly<Record<string, SeededMetrics>>;
  readonly periods: readonly PeriodMetrics[];
  readonly baselines: Readonly<Partial<Record<BaselineName, Readonly<Record<string, TaskMetrics>>>>>;
  readonly training: { readonly examples: number; readonly seconds: number; readonly examplesPerSecond: number };
  readonly seeds: readonly number[];
  readonly protocol: {
    readonly trainUntil: number;
    readonly from: number;
    readonly to: number;
    readonly progressiveMs?: number;
  };
  /** Of the first seed, for plots. */
  readonly history: TrainingHistory;
  readonly calibration: Readonly<Record<string, readonly CalibrationBin[]>>;
}

/** From `from` in steps; the last one ends with the log. */
export const periodsOf = ({ from, to }: Period, stepMs: number): Period[] => {
  const periods: Period[] = [];
  for (let start = from; start < to; start += stepMs) periods.push({ from: start, to: Math.min(to, start + stepMs) });
  return periods;
};

/**
 * Trains on what is before `trainUntil` and scores what comes from `from` on, in time order: every row is predicted before
 * anything of it is observed. The log is read once for all seeds and the single-task networks.
 */
export const evaluate = async (options: EvaluateOptions): Promise<Evaluation> => {
  const { definition, dataset, trainUntil, from, progressiveMs, seeds, baselines = baselineNames } = options;
  const to = options.to ?? dataset.span.last + 1;
  requireScorable(options);
  const periods = periodsOf({ from, to }, progressiveMs ?? DAY_MS);
  const collected = await collectExamples({
    definition,
    dataset,
    range: { until: trainUntil },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (progress) => options.onProgress?.({ ...progress, subject: 'log' }),
  });
  try {
    const runs: Run[] = [];
    for (const [index, seed] of seeds.entries()) {
      const subject = seeds.length === 1 ? definition.name : `seed ${index + 1} of ${seeds.length}`;
      runs.push(await run({ ...options, collected, definition, seed, subject, periods }));
    }
    const [first] = runs;
    if (first === undefined) throw new WatchnextError('usage', 'There is no seed to train with.');
    const compared: Partial<Record<BaselineName, Readonly<Record<string, TaskMetrics>>>> = {};
    for (const baseline of countingBaselines(definition)) {
      if (baselines.includes(baseline.name))
        compared[baseline.name] = await runBaseline({ definition, dataset, baseline, periods });
    }
    if (baselines.includes('single_task')) {
      const single = singleTaskDefinition(definition);
      const scored = await run({
        ...options,
        collected,
        definition: single,
        seed: seeds[0] ?? 0,
        subject: 'single_task',
        periods,
      });
      compared.single_task = scored.tasks;
    }
    const examples = runs.reduce((sum, { summary }) => sum + summary.examples, 0);
    const seconds = runs.reduce((sum, { summary }) => sum + summary.seconds, 0);
    return {
      tasks: overSeeds(runs.map(({ tasks }) => tasks)),
      periods: periods.map((period, index) => ({
        ...period,
        tasks: overSeeds(runs.map((one) => one.periods[index] ?? {})),
      })),
      baselines: compared,
      training: { examples, seconds, examplesPerSecond: examples / seconds },
      seeds,
      protocol: { trainUntil, from, to, ...(progressiveMs === undefined ? {} : { progressiveMs }) },
      history: first.history,
      calibration: first.calibration,
    };
  } finally {
    await collected.close();
  }
};

/** Refuses to score what was learned, and what is not there, before anything is trained. */
export const requireScorable = (options: Pick<EvaluateOptions, 'from' | 'to' | 'trainUntil' | 'dataset'>): void => {
  const { from, to, trainUntil, dataset } = options;
  requireRowsBefore('--train-until', trainUntil, dataset.span);
  if (from < trainUntil) {
    throw new WatchnextError(
      'usage',
      'Scoring would start before training ends: rows would be scored that were learned.',
      {
        problems: [
          { path: '--from', message: 'is before --train-until', hint: 'let --from be the same time or later' },
        ],
      },
    );
  }
  if (from > dataset.span.last) throw nothingToScore(options);
  if (to !== undefined && to <= from) {
    throw new WatchnextError('usage', 'There is no time in which to score.', {
      problems: [
        { path: '--to', message: 'is not after --from', hint: 'leave it out to score until the end of the log' },
      ],
    });
  }
};

/** Refuses to train on what is before a time before which there is nothing, with the name of the flag that said it. */
export const requireRowsBefore = (flag: string, until: number, { first, last }: Dataset['span']): void => {
  if (until > first) return;
  const iso = (time: number): string => new Date(time).toISOString();
  throw new WatchnextError('data_missing', 'There is nothing to train on: no row is that early.', {
    problems: [
      { path: flag, message: `no row before ${iso(until)}`, hint: `the log runs from ${iso(first)} to ${iso(last)}` },
    ],
  });
};

interface RunOptions extends EvaluateOptions {
  readonly collected: ExampleLog;
  readonly seed: number;
  readonly subject: string;
  readonly periods: readonly Period[];
}

interface Run {
  readonly tasks: Record<string, TaskMetrics>;
  readonly periods: readonly Record<string, TaskMetrics>[];
  readonly summary: TrainedRanker['summary'];
  readonly history: TrainingHistory;
  readonly calibration: Record<string, CalibrationBin[]>;
}

/** One training and its scoring, period by period. */
const run = async (options: RunOptions): Promise<Run> => {
  const { definition, dataset, engine, trainUntil, from, progressiveMs, seed, subject, periods, collected, signal } =
    options;
  const { onProgress } = options;
  const trained = await trainRanker({
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
    const log = new PredictionLog(definition);
    const total = await dataset.count({ from, until: periods.at(-1)?.to ?? from });
    if (from > trainUntil) await drain(trained.predict({ from: trainUntil, until: from }));
    const byPeriod: Record<string, TaskMetrics>[] = [];
    for (const [index, period] of periods.entries()) {
      const first = log.rows;
      const keep = progressiveMs !== undefined && index < periods.length - 1;
      for await (const scored of trained.predict({ from: period.from, until: period.to }, { keep })) {
        log.appendBlock(scored.requests, scored.heads);
        onProgress?.({ phase: 'scoring', done: log.rows, total, subject });
      }
      byPeriod.push(measure(definition, log.since(first)));
      if (keep) {
        onProgress?.({ phase: 'learning', done: log.rows, total, subject });
        await trained.learn();
      }
    }
    if (log.rows === 0) throw nothingToScore(options);
    const predictions = log.since();
    const calibration = Object.keys(definition.tasks).map(
      (task, index) => [task, calibrationOf(predictions, index)] as const,
    );
    return {
      tasks: measure(definition, predictions),
      periods: byPeriod,
      summary: trained.summary,
      history: trained.history,
      calibration: Object.fromEntries(calibration),
    };
  } finally {
    await trained.close();
  }
};

/** Lets a stream pass: what lies between training and scoring is observed, not scored. */
export const drain = async (stream: AsyncIterable<unknown>): Promise<void> => {
  const iterator = stream[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
};

export const nothingToScore = ({ from, dataset }: Pick<EvaluateOptions, 'from' | 'dataset'>): WatchnextError =>
  new WatchnextError('data_missing', 'There is nothing to score: no rows lie in the range.', {
    problems: [
      {
        path: '--from',
        message: `no row from ${new Date(from).toISOString()} on`,
        hint: `the log ends at ${new Date(dataset.span.last).toISOString()}`,
      },
    ],
  });
