import type { RankerDefinition } from '../../src/definition/index.js';
import { markdownTable } from '../charts/index.js';
import type { TrainingHistory } from '../fit/index.js';
import type { Evaluation } from './evaluate.js';
import type { Refresh, RefreshEvaluation } from './refresh.js';
import { headlines, type SeededMetrics, type TaskMetrics } from './measure.js';
import type { CalibrationBin } from '../metrics/index.js';
import { legend, measureWords } from './words.js';
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
    return [markdownTable(['task', 'model', ...columns, 'rows'], rows)];
  });

const spreadLine = (tasks: Readonly<Record<string, SeededMetrics>>): string => {
  const parts = Object.entries(tasks).flatMap(([task, { spread }]) => {
    const name = spread['auc'] === undefined ? 'mse' : 'auc';
    return spread[name] === undefined || spread[name] === 0 ? [] : [`${task} ${name} ${spread[name].toFixed(4)}`];
  });
  return parts.length === 0 ? '' : `Standard deviation over seeds: ${parts.join(', ')}.`;
};

const legendOf = (tasks: Readonly<Record<string, SeededMetrics>>): string => {
  const names = new Set(Object.values(tasks).flatMap(({ values }) => Object.keys(values)));
  return `± is a 95 % interval over rows.\n\n${legend(Object.keys(measureWords).filter((name) => names.has(name)))}`;
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
    sections.push('## Measures', ...metricTables(definition, scored), spreadLine(scored.tasks), legendOf(scored.tasks));
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
  return periodLines(
    'AUC by period',
    periodNames(definition, periods),
    Object.fromEntries(binary.map((task) => [task, periods.map(({ tasks }) => tasks[task]?.values['auc'])])),
  );
};

/** The days they begin on, on the clocks of the ranker's zone. */
const periodNames = (definition: RankerDefinition, periods: readonly { readonly from: number }[]): string[] => {
  const zone = definition.training?.timezone ?? 'UTC';
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, month: '2-digit', day: '2-digit' });
  return periods.map(({ from }) => day.format(from));
};

const calibrationPictures = (
  calibration: Readonly<Record<string, readonly CalibrationBin[]>>,
  picture: (file: string, svg: string, caption: string) => string,
): string =>
  Object.entries(calibration)
    .filter(([, bins]) => bins.length > 1)
    .map(([task, bins]) => picture(`calibration-${task}.svg`, calibrationPlot(task, bins), `calibration of ${task}`))
    .join('\n');

/** "never", "6 h", "stream": what a refresh interval is called. */
export const intervalName = (intervalMs: number): string => {
  if (intervalMs === Infinity) return 'frozen';
  if (intervalMs === 0) return 'stream';
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, ms] = units.find(([, each]) => intervalMs % each === 0) ?? ['s', 1000];
  return `${intervalMs / ms}${unit}`;
};

/** What says the most of each kind of task in one number, and what is better. */
const refreshMeasures = { binary: 'auc', regression: 'mse' } as const;

const refreshColumns = (definition: RankerDefinition): { readonly task: string; readonly measure: string }[] =>
  Object.entries(definition.tasks).map(([task, { kind }]) => ({ task, measure: refreshMeasures[kind] }));

/** One line per interval, one column per head; the last is how many rows were scored. */
export const refreshTable = (definition: RankerDefinition, refresh: readonly Refresh[]): string => {
  const columns = refreshColumns(definition);
  const rows = refresh.map(({ intervalMs, tasks }) => {
    const cells = columns.map(({ task, measure }) => {
      const half = tasks[task]?.halfWidth[measure];
      return `${round(tasks[task]?.values[measure])}${half === undefined ? '' : ` ±${half.toFixed(4)}`}`;
    });
    return [intervalName(intervalMs), ...cells, String(Math.max(0, ...Object.values(tasks).map((one) => one.rows)))];
  });
  return markdownTable(['refreshed', ...columns.map(({ task, measure }) => `${task} ${measure}`), 'rows'], rows);
};

export interface RefreshReportParts extends Pick<RefreshEvaluation, 'refresh' | 'history'> {
  readonly definition: RankerDefinition;
  readonly title: string;
  readonly notes: readonly string[];
}

/** The report of a refresh evaluation: AUC against the interval, and over time for every interval. */
export const buildRefreshReport = ({ definition, title, notes, refresh, history }: RefreshReportParts): Report => {
  const binary = Object.keys(definition.tasks).filter((task) => definition.tasks[task]?.kind === 'binary');
  const auc = (tasks: Refresh['tasks'], task: string): number | undefined => tasks[task]?.values['auc'];
  const names = refresh.map(({ intervalMs }) => intervalName(intervalMs));
  const lines = Object.fromEntries(binary.map((task) => [task, refresh.map(({ tasks }) => auc(tasks, task))]));
  const plots = new Map([['refresh.svg', periodLines('AUC against the refresh interval', names, lines)]]);
  const days = periodNames(definition, refresh[0]?.periods ?? []);
  for (const task of binary) {
    const byInterval = refresh.map(
      ({ periods }, index) => [names[index] ?? '', periods.map(({ tasks }) => auc(tasks, task))] as const,
    );
    plots.set(`refresh-${task}.svg`, periodLines(`AUC of ${task} by period`, days, Object.fromEntries(byInterval)));
  }
  const pictures = [...plots.keys()].map((file) => `![AUC](${file})`).join('\n');
  if (history.steps.length > 0) plots.set('training.svg', trainingCurves(history));
  const training = history.steps.length > 0 ? ['## Training', '![training curves](training.svg)'] : [];
  const sections = [`# ${title}`, ...notes, '## Refresh', refreshTable(definition, refresh), pictures, ...training];
  return { markdown: `${sections.join('\n\n')}\n`, plots };
};
