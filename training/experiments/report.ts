import type { ExperimentAnalysis } from './analysis.js';
import type { Dropped } from './cohort.js';
import type { Comparison, MetricAnalysis } from './comparison.js';
import type { Block } from './document.js';
import { effectPlot } from './effect-plot.js';
import { verdicts } from './verdict.js';
import {
  amount,
  count,
  instant,
  level,
  metricName,
  minus,
  percent,
  percentDigits,
  probability,
  range,
  signed,
} from './words.js';

const corrections = {
  'benjamini-hochberg': 'Benjamini-Hochberg',
  holm: 'Holm',
  none: 'no correction',
} as const;

/** The report for people: what is found first, then what it rests on. `notes` are sentences on where it comes from. */
export const experimentReport = (
  analysis: ExperimentAnalysis,
  notes: readonly string[] = [],
  alarms: readonly string[] = [],
): readonly Block[] => [
  { kind: 'heading', level: 1, text: `Experiment ${analysis.experiment}` },
  { kind: 'text', text: summary(analysis) },
  ...notes.map((text): Block => ({ kind: 'text', text })),
  ...[...warnings(analysis), ...alarms].map((text): Block => ({ kind: 'warning', text })),
  { kind: 'heading', level: 2, text: 'What it shows' },
  ...findings(analysis),
  ...guardrails(analysis),
  { kind: 'heading', level: 2, text: 'Users' },
  usersTable(analysis),
  { kind: 'text', text: sampleRatioText(analysis) },
  { kind: 'heading', level: 2, text: 'Metrics' },
  { kind: 'text', text: howToRead(analysis) },
  metricsTable(analysis),
  ...plots(analysis),
];

const summary = ({ experiment, phase, phases, from, to, settings, arms }: ExperimentAnalysis): string => {
  const users = arms.reduce((sum, arm) => sum + arm.users, 0);
  const others = phases.length > 1 ? ` (of ${phases.join(', ')})` : '';
  return `${experiment}, phase ${phase === '' ? '(unnamed)' : phase}${others}, from ${instant(from)} to ${instant(to)} UTC: ${count(users)} users, the metrics of ${settings.ranker}.`;
};

const warnings = (analysis: ExperimentAnalysis): string[] => {
  const { sampleRatio, mixed, arms, dropped } = analysis;
  const users = arms.reduce((sum, arm) => sum + arm.users, 0);
  const found: string[] = [];
  if (sampleRatio?.alarm === true)
    found.push(
      `The users are not split as they should be (p ${probability(Math.min(sampleRatio.pValue, sampleRatio.sequentialPValue))}). Something loses or adds users of one arm, so the arms cannot be compared: trust nothing below until it is found.`,
    );
  if (dropped !== undefined) found.push(droppedText(dropped));
  if (mixed > 0)
    found.push(
      `${count(mixed)} user${mixed === 1 ? '' : 's'} (${percent(mixed / (mixed + users))} of all) saw more than one arm and ${mixed === 1 ? 'is' : 'are'} left out. Assignment changed within the phase: a change of weights, seed or targeting begins a new one.`,
    );
  return found;
};

const droppedText = ({ from, to, unexposed }: Dropped): string =>
  `Retention took the beginning: what happened from ${instant(from)} to ${instant(to)} UTC is not in the log any more, and numbers are of what came after. Who was exposed before is in their arm all the same. An always-valid interval needs a log that only grows: while each look forgets what the one before still knew, decide by one look, or keep the log for longer than the experiment runs (--log-retention-hours, --log-retention-bytes).${
    unexposed === 0
      ? ''
      : ` ${count(unexposed)} user${unexposed === 1 ? ' was' : 's were'} answered under an arm and ${unexposed === 1 ? 'has' : 'have'} no exposure in the log: testers, or exposures that it lost; they are left out.`
  }`;

const findings = (analysis: ExperimentAnalysis): Block[] => {
  if (analysis.arms.length < 2)
    return [
      {
        kind: 'text',
        text: `There is only one arm, ${analysis.control}: nothing to compare it with. Either the other arm has had no user yet, or the log is of a time when it had none.`,
      },
    ];
  const word = { better: ' — better', worse: ' — worse', same: '', early: '', silent: '' } as const;
  return [{ kind: 'list', items: verdicts(analysis).map(({ text, finding }) => text + word[finding]) }];
};

const guardrails = ({ metrics, settings }: ExperimentAnalysis): Block[] => {
  const rows = metrics.flatMap(({ rule, comparisons }) =>
    comparisons.flatMap((each): string[][] => {
      if (rule.guardrail === undefined) return [];
      const what = [metricName(rule), each.arm, percent(rule.guardrail)];
      if (each.kind === 'silent') return [[...what, 'not known', each.because]];
      if (each.guardrail === undefined) return [[...what, 'not known', 'the control’s mean cannot be told from 0']];
      const { state, worst, pValue } = each.guardrail;
      const words = { held: 'held', broken: 'BROKEN', unknown: 'not known yet' } as const;
      const bound =
        worst === 0 ? 'not worse at all' : Number.isFinite(worst) ? `at worst ${percent(worst)} worse` : 'no bound yet';
      return [[...what, words[state], `${bound} (p ${probability(pValue)})`]];
    }),
  );
  if (rows.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Guardrails' },
    {
      kind: 'text',
      text: `A guardrail holds when harm of its margin or more is ruled out, one-sided at ${level(settings.alpha)}, however often it is looked at.`,
    },
    { kind: 'table', columns: ['metric', 'arm', 'margin', 'state', 'bound'], rows },
  ];
};

const usersTable = ({ arms, control, sampleRatio }: ExperimentAnalysis): Block => {
  const total = arms.reduce((sum, { users }) => sum + users, 0);
  return {
    kind: 'table',
    columns: ['arm', 'users', 'share', sampleRatio?.given === false ? 'share if equal' : 'planned share'],
    rows: arms.map(({ arm, users, share }) => [
      arm === control ? `${arm} (control)` : arm,
      count(users),
      total === 0 ? '' : percent(users / total),
      percent(share),
    ]),
  };
};

const sampleRatioText = ({ sampleRatio, usersPerDay }: ExperimentAnalysis): string => {
  const rate =
    usersPerDay === 0 ? 'No new users came in the last days.' : `New users came at ${count(usersPerDay)} a day.`;
  if (sampleRatio === undefined) return rate;
  const { pValue, sequentialPValue, given } = sampleRatio;
  const against = given ? 'the planned shares' : 'equal shares (say --share or --experiments if they should be others)';
  return `Sample ratio against ${against}: p ${probability(pValue)} by chi-square, ${probability(sequentialPValue)} looked at all the time; below 0.001 is an alarm. ${rate}`;
};

const howToRead = ({ settings }: ExperimentAnalysis): string => {
  const { alpha, correction, beforeMs } = settings;
  const days = beforeMs / 86_400_000;
  const before =
    beforeMs === 0
      ? ''
      : ` The adjusted effect (CUPED) takes out what users already did differently in the ${Number(days.toFixed(2))} days before they were exposed; where there is one it is what counts.`;
  return `The ${level(1 - alpha)} interval is for one look at a time that was chosen before. The always-valid one holds however often it is looked at, and the findings above go by it.${before} p is of the always-valid interval; corrected for all metrics and arms: ${corrections[correction]}.`;
};

const metricsTable = ({ metrics, settings }: ExperimentAnalysis): Block => ({
  kind: 'table',
  columns: [
    'metric',
    'arm',
    'users',
    'mean',
    'effect',
    `${level(1 - settings.alpha)} interval`,
    'always valid',
    'adjusted, always valid',
    'p',
    'corrected',
  ],
  rows: metrics.flatMap((metric) =>
    metric.arms.map(({ arm, users, mean, standardError }, place) => {
      const shown =
        mean === undefined
          ? 'none'
          : `${minus(amount(mean))}${standardError === undefined ? '' : ` ± ${amount(standardError)}`}`;
      const comparison = metric.comparisons[place - 1];
      return [metricName(metric.rule), arm, count(users), shown, ...comparisonCells(comparison)];
    }),
  ),
});

const comparisonCells = (comparison: Comparison | undefined): string[] => {
  if (comparison === undefined) return ['', '', '', '', '', ''];
  if (comparison.kind === 'silent') return [comparison.because, '', '', '', '', ''];
  const { unit, relative, absolute, adjusted, best, corrected } = comparison;
  const shown = relative ?? absolute;
  const show = unit === 'relative' ? percent : amount;
  const bound = unit === 'relative' ? percentDigits : amount;
  return [
    signed(show(shown.value)),
    range(shown.fixed.interval, bound),
    range(shown.sequential.interval, bound),
    adjusted === undefined ? '' : `${signed(show(adjusted.value))} (${range(adjusted.sequential.interval, bound)})`,
    probability(best.sequential.pValue),
    probability(corrected.sequential),
  ];
};

const plots = ({ metrics }: ExperimentAnalysis): Block[] => {
  const pictures = metrics.flatMap((metric) =>
    metric.series.flatMap(({ arm, points }): Block[] => {
      const comparison = metric.comparisons.find((each) => each.arm === arm);
      if (points.length < 2 || comparison?.kind !== 'measured') return [];
      const title = `${metricName(metric.rule)}: ${arm}`;
      return [
        {
          kind: 'picture',
          file: `${fileName(metric, arm)}.svg`,
          svg: effectPlot(title, { points, unit: comparison.unit }),
          caption: `${title}, everything up to each time; solid: the interval for one look, dashed: the always-valid one`,
        },
      ];
    }),
  );
  return pictures.length === 0 ? [] : [{ kind: 'heading', level: 2, text: 'Over time' }, ...pictures];
};

const fileName = ({ rule }: MetricAnalysis, arm: string): string =>
  `${rule.name}-${arm}`.replace(/[^A-Za-z0-9_-]+/g, '-');
