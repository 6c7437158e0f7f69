import { join } from 'node:path';
import type { Ranker, RankerDefinition } from '../src/definition/index.js';
import { openDataset } from '../training/dataset/index.js';
import {
  buildRefreshReport,
  buildReport,
  evaluate,
  evaluateRefresh,
  intervalName,
  metricTables,
  refreshTable,
  type BaselineName,
  type Evaluation,
  type EvaluationProgress,
  type RefreshEvaluation,
  type Report,
  type SeededMetrics,
  type TaskMetrics,
} from '../training/evaluate/index.js';
import { datasetWarning } from './dataset-text.js';
import { measuresHint } from './measures-hint.js';
import { createProgress, markdownAsText, note, print } from './output.js';
import { datasetSource, engineNamed } from './ranker.js';
import { writeOut } from './writable.js';

export interface EvaluationRun {
  readonly ranker: Ranker;
  readonly data: string;
  readonly trainUntil: number;
  readonly from: number;
  readonly to: number | undefined;
  /** Milliseconds; several compare how often to refresh. */
  readonly progressive?: readonly number[];
  readonly seeds: number;
  readonly seed?: number;
  readonly engine: string;
  readonly baselines: readonly BaselineName[];
  /** The folder of a report. */
  readonly report?: string;
  readonly json?: boolean;
}

/** Trains and scores as asked, and prints what came out. */
export const runEvaluation = async ({ ranker, trainUntil, from, to, ...flags }: EvaluationRun): Promise<void> => {
  const { definition } = ranker;
  const firstSeed = flags.seed ?? definition.training?.seed ?? 1;
  const progress = createProgress();
  const dataset = await openDataset(datasetSource(ranker, flags.data));
  try {
    for (const [code, count] of dataset.warnings.counts) note(`warning: ${datasetWarning(code, count)}`);
    const options = {
      definition,
      dataset,
      engine: await engineNamed(flags.engine),
      trainUntil,
      from,
      ...(to === undefined ? {} : { to }),
      seeds: Array.from({ length: flags.seeds }, (_, index) => firstSeed + index),
      onProgress: ({ phase, subject, epoch, epochs, done, total }: EvaluationProgress) => {
        const pass = epoch === undefined ? '' : ` ${epoch}/${epochs ?? '?'}`;
        progress.show({ label: `${subject}: ${phase}${pass}`, done, total });
      },
    };
    const [progressiveMs, ...others] = flags.progressive ?? [];
    if (progressiveMs !== undefined && others.length > 0) {
      const evaluation = await evaluateRefresh({ ...options, intervalsMs: [progressiveMs, ...others] });
      progress.stop();
      if (flags.report !== undefined) await writeReport(flags.report, refreshReport(definition, evaluation));
      if (flags.json === true) print(JSON.stringify(refreshToJson(definition.name, evaluation)));
      else print(markdownAsText(refreshTable(definition, evaluation.refresh)));
      return;
    }
    const evaluation = await evaluate({
      ...options,
      ...(progressiveMs === undefined ? {} : { progressiveMs }),
      baselines: flags.baselines,
    });
    progress.stop();
    if (flags.report !== undefined) await writeReport(flags.report, evaluationReport(definition, evaluation));
    if (flags.json === true) print(JSON.stringify(toJson(definition.name, evaluation)));
    else printEvaluation(definition, evaluation);
  } finally {
    progress.stop();
    await dataset.close();
  }
};

const flat = (metrics: TaskMetrics | SeededMetrics): object => ({
  rows: metrics.rows,
  ...metrics.values,
  halfWidth: metrics.halfWidth,
  ...('spread' in metrics ? { spread: metrics.spread } : {}),
});

const flatTasks = (tasks: Readonly<Record<string, TaskMetrics>>): object =>
  Object.fromEntries(Object.entries(tasks).map(([task, metrics]) => [task, flat(metrics)]));

const toJson = (ranker: string, evaluation: Evaluation): object => ({
  ranker,
  protocol: evaluation.protocol,
  seeds: evaluation.seeds,
  tasks: flatTasks(evaluation.tasks),
  periods: evaluation.periods.map(({ from, to, tasks }) => ({ from, to, tasks: flatTasks(tasks) })),
  baselines: Object.fromEntries(
    Object.entries(evaluation.baselines).map(([name, tasks]) => [name, { tasks: flatTasks(tasks) }]),
  ),
  training: evaluation.training,
});

const refreshToJson = (ranker: string, { refresh, seeds, protocol }: RefreshEvaluation): object => ({
  ranker,
  protocol,
  seeds,
  refresh: refresh.map(({ intervalMs, tasks, periods }) => ({
    interval: intervalName(intervalMs),
    tasks: flatTasks(tasks),
    periods: periods.map(({ from, to, tasks: ofPeriod }) => ({ from, to, tasks: flatTasks(ofPeriod) })),
  })),
});

const printEvaluation = (definition: RankerDefinition, evaluation: Evaluation): void => {
  const { examplesPerSecond, seconds } = evaluation.training;
  for (const table of metricTables(definition, evaluation)) print(`${markdownAsText(table)}\n`);
  note(measuresHint);
  print(`trained ${Math.round(examplesPerSecond).toLocaleString('en-US')} examples/s, ${seconds.toFixed(1)} s in all`);
};

const iso = (time: number): string => new Date(time).toISOString();

const evaluationReport = (definition: RankerDefinition, evaluation: Evaluation): Report => {
  const { trainUntil, from, to, progressiveMs } = evaluation.protocol;
  const how =
    progressiveMs === undefined
      ? 'one frozen model'
      : `every ${progressiveMs / 3_600_000} h learned after it was scored`;
  return buildReport({
    definition,
    title: `Evaluation of ${definition.name}`,
    notes: [
      `Trained on what is before ${iso(trainUntil)}, scored from ${iso(from)} to ${iso(to)}, ${how}; seeds ${evaluation.seeds.join(', ')}.`,
    ],
    history: evaluation.history,
    scored: evaluation,
  });
};

const refreshReport = (
  definition: RankerDefinition,
  { refresh, history, seeds, protocol }: RefreshEvaluation,
): Report =>
  buildRefreshReport({
    definition,
    title: `How often to refresh ${definition.name}`,
    notes: [
      `Trained on what is before ${iso(protocol.trainUntil)}, scored from ${iso(protocol.from)} to ${iso(protocol.to)}; seeds ${seeds.join(', ')}. ‘frozen’ never learns again; an interval is predicted, then learned; ‘stream’ predicts a batch, then learns it, in temporal order.`,
    ],
    refresh,
    history,
  });

const writeReport = async (folder: string, { markdown, plots }: Report): Promise<void> => {
  for (const [name, svg] of plots) await writeOut(join(folder, name), svg);
  await writeOut(join(folder, 'report.md'), markdown);
  note(`report: ${join(folder, 'report.md')}`);
};
