import type { RankerDefinition } from '../../src/definition/index.js';
import type { TrainingHistory } from '../fit/index.js';
import type { Evaluation } from './evaluate.js';
import { headlines, type SeededMetrics, type TaskMetrics } from './measure.js';
import type { CalibrationBin } from '../metrics/index.js';
import { calibrationPlot, expertUtilisation, periodLines, trainingCurves } from './plots.js';

/** A report: markdown and the pictures that it names. */
export interface Report {
  readonly markdown: string;
  /** SVG texts by file name, relative to the markdown file. */
  readonly plots: ReadonlyMap<string, string>;
}

export interface ReportParts {
  readonly definition: RankerDefinition;
  readonly title: string;
  /** Sentences on what was done: data window, machine, settings. */
  readonly notes: readonly string[];
  readonly history: TrainingHistory;
  /** Absent where nothing was held out: the report then says so. */
  readonly scored?: Pick<Evaluation, 'tasks' | 'periods' | 'baselines' | 'calibration'>;
  /** [tasks][experts] mean gate weights; mmoe only. */
  readonly utilisation?: readonly (readonly number[])[];
}

const round = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '' : value.toFixed(4);

const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Model and baselines side by side, one table per kind of task; ± is the 95 % interval over rows. */
export const metricTables = (
  definition: RankerDefinition,
  { tasks, baselines }: Pick<Evaluation, 'tasks' | 'baselines'>,
): string[] =>
  (['binary', 'regression'] as const).flatMap((kind) => {
    const names = Object.keys(definition.tasks).filter((task) => definition.tasks[task]?.kind === kind);
    const columns = headlines[kind].filter((name) => names.some((task) => tasks[task]?.values[name] !== undefined));
    if (names.length === 0 || columns.length === 0) return [];
    const line = (who: string, task: string, metrics: TaskMetrics | undefined): string[] => [
      task,
      who,
      ...columns.map((name) => {
        const half = metrics?.halfWidth[name];
        return `${round(metrics?.values[name])}${half === undefined || who !== definition.name ? '' : ` ±${half.toFixed(4)}`}`;
      }),
      who === definition.name && metrics !== undefined ? String(metrics.rows) : '',
    ];
    const rows = names.flatMap((task) => [
      line(definition.name, task, tasks[task]),
      ...Object.entries(baselines).map(([name, metrics]) => line(name, task, metrics[task])),
    ]);
    return [table(['task', 'model', ...columns, 'rows'], rows)];
  });

const spreadLine = (tasks: Readonly<Record<string, SeededMetrics>>): string => {
  const parts = Object.entries(tasks).flatMap(([task, { spread }]) => {
    const name = spread['auc'] === undefined ? 'mse' : 'auc';
    return spread[name] === undefined || spread[name] === 0 ? [] : [`${task} ${name} ${spread[name].toFixed(4)}`];
  });
  return parts.length === 0 ? '' : `Standard deviation over seeds: ${parts.join(', ')}.`;
};

/** The report of a training or an evaluation. */
export const buildReport = (parts: ReportParts): Report => {
  const { definition, title, notes, history, scored, utilisation } = parts;
  const plots = new Map<string, string>();
  const picture = (file: string, svg: string, caption: string): string => {
    plots.set(file, svg);
    return `![${caption}](${file})`;
  };
  const sections = [`# ${title}`, ...notes];
  if (scored === undefined) {
    sections.push('Nothing was held out, so there are no measures here: `watchnext evaluate` gives them.');
  } else {
    sections.push('## Measures', ...metricTables(definition, scored), spreadLine(scored.tasks));
    if (scored.periods.length > 1)
      sections.push('## By period', picture('periods.svg', periodPlot(definition, scored), 'AUC by period'));
    sections.push('## Calibration', calibrationPictures(scored.calibration, picture));
  }
  if (history.steps.length > 0) {
    sections.push('## Training', picture('training.svg', trainingCurves(history), 'training curves'));
  }
  if (utilisation !== undefined) {
    const svg = expertUtilisation(Object.keys(definition.tasks), utilisation);
    sections.push('## Experts', picture('experts.svg', svg, 'mean gate weight of each expert per task'));
  }
  return { markdown: `${sections.filter((section) => section !== '').join('\n\n')}\n`, plots };
};

const periodPlot = (definition: RankerDefinition, { periods }: Pick<Evaluation, 'periods'>): string => {
  const binary = Object.keys(definition.tasks).filter((task) => definition.tasks[task]?.kind === 'binary');
  const zone = definition.training?.timezone ?? 'UTC';
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, month: '2-digit', day: '2-digit' });
  return periodLines(
    'AUC by period',
    periods.map(({ from }) => day.format(from)),
    Object.fromEntries(binary.map((task) => [task, periods.map(({ tasks }) => tasks[task]?.values['auc'])])),
  );
};

const calibrationPictures = (
  calibration: Readonly<Record<string, readonly CalibrationBin[]>>,
  picture: (file: string, svg: string, caption: string) => string,
): string =>
  Object.entries(calibration)
    .filter(([, bins]) => bins.length > 1)
    .map(([task, bins]) => picture(`calibration-${task}.svg`, calibrationPlot(task, bins), `calibration of ${task}`))
    .join('\n');
