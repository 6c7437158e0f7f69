import { count, type Block } from '../experiments/index.js';
import { frontPlot } from './front-plot.js';
import type { TunedPoint } from './points.js';
import type { Advice, Tuning } from './tune.js';
import type { Estimate } from './types.js';

export interface TuningReportOptions {
  readonly ranker: string;
  readonly tasks: readonly string[];
  /** Sentences on what was read: period, lists, what was left out. */
  readonly notes: readonly string[];
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const number = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'unknown');
const half = ({ low, high }: Estimate): string =>
  Number.isFinite(high - low) ? String(Number(((high - low) / 2).toPrecision(2))) : 'unknown';
const estimateText = (estimate: Estimate): string => `${number(estimate.value)} ±${half(estimate)}`;

/** A gain as a part of what there is now; in units where that is nothing. */
export const gainText = (gain: Estimate, base: number): string => {
  const [scale, unit] = base === 0 ? [1, ''] : [100 / Math.abs(base), ' %'];
  const text = (scale * gain.value).toFixed(base === 0 ? 4 : 1);
  return `${gain.value >= 0 ? '+' : ''}${text} ±${(((gain.high - gain.low) / 2) * scale).toFixed(base === 0 ? 4 : 1)}${unit}`;
};

/** The current weights, the front and the choice, judged on users that were not searched on. */
export const tuningTable = (tuning: Tuning, tasks: readonly string[]): Table => {
  const { metrics, current, front, choice, recommended } = tuning;
  const line = (name: string, point: TunedPoint): string[] => [
    name,
    ...point.weights.map(number),
    ...metrics.flatMap((_, at) => [
      estimateText(point.values[at as 0 | 1]),
      point === current ? '' : gainText(point.gains[at as 0 | 1], current.values[at as 0 | 1].value),
    ]),
    Math.floor(point.support.effectiveLists).toLocaleString('en-US'),
    point.thin.length > 0 ? 'too little support' : '',
  ];
  return {
    columns: ['', ...tasks, ...metrics.flatMap(({ name }) => [name, 'change']), 'effective lists', ''],
    rows: [
      line('current', current),
      ...front.map((point, at) => line(String(at + 1), point)),
      ...(choice === undefined ? [] : [line(recommended ? 'recommended' : 'chosen', choice)]),
    ],
  };
};

/** How the numbers came about, and what they rest on. */
export const tuningMethod = ({ searched, judged, estimator, weighting, exploring }: Tuning): string[] => [
  `Weights were searched on ${count(searched.lists)} lists of ${count(searched.users)} users; all numbers are of ${count(judged.lists)} lists of ${count(judged.users)} other users, so that nothing looks better for having been picked.`,
  `What is estimated is per list, of the policy that would be deployed: the order by these weights, ${exploring === 'as logged' ? 'varied as the log’s was' : exploring}.`,
  weighting === 'examined'
    ? `Estimates (${estimator}) take it that a place scales what an item brings there by how often people look, the same for all items; --weighting place does without, and needs far more lists.`
    : `Estimates (${estimator}) take it that what an item brings depends on the item and its place, not on its neighbours.`,
];

/** What to do where the log says too little. */
export const adviceText = (advice: Advice | undefined): string[] => {
  if (advice === undefined) return [];
  const { listsNeeded, exploration } = advice;
  const more =
    listsNeeded === undefined
      ? 'No number of lists varied as these would be enough.'
      : `About ${count(listsNeeded)} lists varied as these would be enough.`;
  const other =
    exploration === undefined
      ? 'From as many lists as there are, none of the explorations that were tried would be.'
      : `As many lists as there are would be enough with exploration: {share: ${exploration.share}, temperature: ${exploration.temperature}}.`;
  return [more, other];
};

/** One sentence on what to do, and why. */
export const verdictText = ({ recommended, reasons }: Tuning): string[] => [
  recommended ? 'Recommended: the last line of the table.' : 'Nothing is recommended.',
  ...reasons,
];

export const tuningReport = (tuning: Tuning, { ranker, tasks, notes }: TuningReportOptions): Block[] => {
  const { columns, rows } = tuningTable(tuning, tasks);
  const verdict = verdictText(tuning).join(' ');
  const advice = adviceText(tuning.advice);
  return [
    { kind: 'heading', level: 1, text: `Weights of ${ranker}` },
    { kind: tuning.recommended ? 'text' : 'warning', text: verdict },
    ...(advice.length > 0 ? [{ kind: 'list', items: advice } as const] : []),
    { kind: 'table', columns, rows },
    {
      kind: 'picture',
      file: 'front.svg',
      svg: frontPlot(tuning),
      caption: 'What the weights bring, with 95 % intervals; numbers are lines of the table.',
    },
    { kind: 'heading', level: 2, text: 'How this was found' },
    { kind: 'list', items: [...tuningMethod(tuning), ...notes] },
  ];
};
