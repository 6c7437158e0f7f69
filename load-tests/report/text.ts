import { markdownTable } from '../../training/charts/index.js';
import { verdictText, type PhaseSummary } from '../measure/index.js';
import { machineText } from '../machine.js';
import { hasFailed, type ScenarioResult } from './result.js';

const shown = (value: number): string =>
  Number.isFinite(value) ? value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 1 }) : '–';

const phaseCells = ({ name, offeredPerSecond, okPerSecond, outcomes, latency }: PhaseSummary): string[] => [
  name,
  shown(offeredPerSecond),
  shown(okPerSecond),
  ...[latency.p50Ms, latency.p99Ms, latency.maxMs].map(shown),
  ...[outcomes.fallback, outcomes.degraded, outcomes.refused, outcomes.failed].map(String),
];
const phaseColumns = [
  'phase',
  'offered/s',
  'ok/s',
  'p50 ms',
  'p99 ms',
  'max ms',
  'fallback',
  'degraded',
  'refused',
  'failed',
];

/** What became of it, in a word. */
const outcomeWord = (result: ScenarioResult): string => {
  if (result.skipped !== undefined) return 'skipped';
  if (result.invalid !== undefined) return 'invalid';
  return hasFailed(result) ? 'not held' : 'held';
};

/** A scenario on a terminal, under the line that it began with: phases, what was held and what was not. */
export const resultText = (result: ScenarioResult): string => {
  const { scenario, seconds, skipped, invalid, phases, verdicts, measures, generator, load } = result;
  if (skipped !== undefined) return `${scenario}: skipped, ${skipped}`;
  const columns = [phaseColumns, ...phases.map(phaseCells)];
  const widths = phaseColumns.map((_, column) => Math.max(...columns.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  const judged = new Set(verdicts.map(({ measure }) => measure));
  const others = Object.entries(measures).filter(([name]) => !judged.has(name));
  return [
    `${scenario}: ${outcomeWord(result)}, after ${shown(seconds)} s`,
    ...(load.saturationPerSecond === null ? [] : [`  saturation: ${shown(load.saturationPerSecond)} requests/s`]),
    ...columns.map((row) => `  ${line(row)}`),
    ...verdicts.map((verdict) => `  ${verdict.held ? 'held    ' : 'NOT HELD'}  ${verdictText(verdict)}`),
    ...(others.length === 0 ? [] : [`  also: ${others.map(([name, value]) => `${name} ${shown(value)}`).join(', ')}`]),
    ...(generator === null
      ? []
      : [
          `  generator: ${shown(generator.lateMs.p99Ms)} ms late at p99, ${shown(generator.lateMs.maxMs)} at most; ${shown(100 * generator.cpuShare)} % of a core`,
        ]),
    ...(invalid === undefined ? [] : [`  INVALID: ${invalid}`]),
  ].join('\n');
};

/** One scenario for people, with its pictures. */
export const resultMarkdown = (result: ScenarioResult, plots: readonly string[]): string => {
  const { scenario, about, skipped, invalid, phases, verdicts, measures, generator, notes, load } = result;
  const head = [`## ${scenario}`, '', sentence(about), ''];
  if (skipped !== undefined) return [...head, `Skipped: ${skipped}.`].join('\n');
  const judged = verdicts.map((verdict) => [
    verdict.measure,
    verdict.value === undefined ? '–' : shown(verdict.value),
    verdict.atMost === undefined ? `≥ ${verdict.atLeast ?? ''}` : `≤ ${verdict.atMost}`,
    verdict.held ? 'held' : '**not held**',
    verdict.reason,
  ]);
  return [
    ...head,
    ...(invalid === undefined ? [] : [`**Invalid**: ${invalid}.`, '']),
    markdownTable(phaseColumns, phases.map(phaseCells)),
    '',
    markdownTable(['measure', 'value', 'limit', '', 'why this limit'], judged),
    '',
    `All measures: ${Object.entries(measures)
      .map(([name, value]) => `${name} ${shown(value)}`)
      .join(', ')}.`,
    '',
    ...(generator === null
      ? []
      : [
          `The generator came ${shown(generator.lateMs.p99Ms)} ms late to 1 % of the requests (${shown(generator.lateMs.maxMs)} ms at most), which their latencies hold, and took ${shown(100 * generator.cpuShare)} % of a core.`,
          '',
        ]),
    ...notes.flatMap((note) => [note, '']),
    ...(load.saturationPerSecond === null ? [] : [`Saturation: ${shown(load.saturationPerSecond)} requests/s.`, '']),
    ...plots.map((plot) => `![${plot.replace(/\.svg$/, '')}](${plot})`),
  ].join('\n');
};

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;

/** The index of all results of a folder. */
export const indexMarkdown = (results: readonly ScenarioResult[], sections: readonly string[]): string => {
  const rows = results.map((result) => {
    const { scenario, verdicts, machine, commit, quick, startedAt } = result;
    const missed = verdicts.filter(({ held }) => !held).map(verdictText);
    return [
      `[${scenario}](#${scenario})`,
      hasFailed(result) ? `**${outcomeWord(result)}**` : outcomeWord(result),
      result.skipped ?? (missed.length === 0 ? `all ${verdicts.length} thresholds` : missed.join('; ')),
      `${commit}${quick ? ', quick form' : ''}, ${startedAt.slice(0, 10)}, load ${machine.loadBefore} before`,
    ];
  });
  const machines = [...new Set(results.map(({ machine }) => machineText(machine)))];
  const [first] = results;
  return [
    '# Results of the load tests',
    '',
    'Made by `npm run load`; [what each scenario means and how to read it](../README.md). Service, generator and whoever publishes',
    'models share one machine:',
    '',
    ...machines.map((text) => `- ${text}`),
    '',
    ...(first === undefined
      ? []
      : [
          `Requests: ${first.load.candidates} candidates each, of ${first.load.items.toLocaleString('en-US')} items for ${first.load.users.toLocaleString('en-US')} users, both Zipf-distributed (exponent ${first.load.exponent}); ${first.load.arrivals} arrivals, seed ${first.load.seed}.`,
          '',
        ]),
    markdownTable(['scenario', '', 'what', 'commit'], rows),
    '',
    ...sections.flatMap((section) => [section, '']),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
};
