import { Command } from 'commander';
import { loadConfiguration, type PlannedExperiment } from '../../src/experiments/index.js';
import { formatTable, note, print } from '../output.js';
import { catalogueOf } from './catalogue.js';

interface CheckFlags {
  readonly models?: string;
  readonly json?: boolean;
}

export const checkCommand = (): Command =>
  new Command('check')
    .description('validate a file of experiments; print experiments, layers, arms and shares')
    .argument('<file>', 'experiments in GrowthBook’s payload format')
    .option('--models <dir>', 'also look up the rankers, versions, heads and bounds that arms name')
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext experiment check models/demo/experiments.json
  $ watchnext experiment check experiments.json --models models --json`,
    )
    .action(async (file: string, { models, json }: CheckFlags) => {
      const { experiments, notes } = await loadConfiguration(file, await catalogueOf(models));
      if (json === true) {
        print(JSON.stringify({ experiments, notes }));
        return;
      }
      print(`${file} is valid: ${experiments.length} experiment${experiments.length === 1 ? '' : 's'}\n`);
      if (experiments.length > 0) print(table(experiments));
      for (const { path, message, hint } of notes)
        note(`note: ${path}: ${message}${hint === undefined ? '' : ` (${hint})`}`);
    });

const percent = (share: number): string => `${Number((100 * share).toFixed(2))}%`;

const table = (experiments: readonly PlannedExperiment[]): string =>
  formatTable(
    ['experiment', 'phase', 'layer', 'takes part', 'arm', 'share', 'sets'],
    experiments.flatMap((experiment) =>
      experiment.arms.map(({ key, share, settings }, index) => [
        ...(index === 0 ? header(experiment) : ['', '', '', '']),
        key,
        percent(share),
        settings === undefined ? '(others depend on it)' : JSON.stringify(settings),
      ]),
    ),
  );

const header = ({ key, phase, layers, coverage, targeted, active }: PlannedExperiment): string[] => [
  key,
  phase,
  layers.map(({ layer, ranges }) => `${layer} ${ranges.map(([from, to]) => `${from}-${to}`).join(' ')}`).join(', '),
  active ? `${percent(coverage)}${targeted ? ' of those aimed at' : ''}` : 'nobody (off)',
];
