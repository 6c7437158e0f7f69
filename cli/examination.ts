import { Command } from 'commander';
import { openArtifacts, type LoadedArtifact } from '../src/artifact/index.js';
import type { RankerDefinition } from '../src/definition/index.js';
import { WatchnextError } from '../src/errors.js';
import { nameHint } from '../src/nearest.js';
import { logSettingNames, type Settings } from '../src/settings.js';
import { devices, examination, openLogTables, type Device } from '../training/dataset/index.js';
import {
  examinationPlot,
  examinationTable,
  examine,
  statements,
  type ExaminationReport,
  type ExamineOptions,
} from '../training/examination/index.js';
import { biasWeights } from '../training/fit/index.js';
import { pointInTime, positiveNumber } from './arguments.js';
import { openEventsToRead } from './event-log.js';
import { createProgress, formatTable, note, print } from './output.js';
import { parseReference } from './reference.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';
import { requireWritableFile, writeOut } from './writable.js';

interface ExaminationFlags extends SettingFlags {
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
  readonly positions?: number;
  readonly precision: number;
  readonly simulated?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export const examinationCommand = (): Command =>
  withSettings(
    new Command('examination')
      .argument('<ranker[@version]>', 'whose lists, and whose bias tower; the active version if none is named')
      .option('--from <time>', 'only lists from then on, e.g. 2026-05-01; in the ranker’s time zone')
      .option('--to <time>', 'only lists before then')
      .option('--by <feature>', 'each value of a category feature by itself, e.g. device')
      .option('--positions <n>', 'positions told apart; those of the definition’s bias if left out', positiveNumber)
      .option(
        '--precision <percent>',
        'how well each position should be known, for how many swaps are missing',
        percent,
        0.2,
      )
      .option('--simulated', 'beside the truth of the simulated platform (watchnext world, demo); with --by device')
      .option('--out <file>', 'write the curves as SVG')
      .option('--json', 'the report as JSON on stdout'),
    ['models', ...logSettingNames],
  )
    .addHelpText(
      'after',
      `
All numbers are against the first position: 0.5 is looked at half as often.
  by swaps  the first item and one other changed places at random in some requests: sound whatever the order was. They are
            drawn with exploration: {swaps: 0.05}, under score in ranker.yaml or in an arm
  by tower  what the sealed bias tower learned, for an average candidate. Needs no log: --log off
  by lists  ordinary lists, given what the head predicted for each item: sound as far as the head knew what the order knew

Examples:
  $ watchnext examination films
  $ watchnext examination films --by device --out examination.svg
  $ watchnext examination films@20260430T235959Z-ab12cd --log off --json`,
    )
    .action(async (reference: string, flags: ExaminationFlags, command: Command) => {
      const settings = settingsOf(command);
      const { ranker, version } = parseReference(reference);
      const artifact = await openArtifacts(settings.models).load(ranker, version, { training: true });
      const { definition } = artifact;
      if (flags.by !== undefined) requireListed(definition, flags.by);
      if (flags.simulated === true) requireDevices(definition, flags.by);
      if (flags.out !== undefined) await requireWritableFile(flags.out, '--out');
      const report = await examined(settings, artifact, flags);
      const said = statements(definition, report, settings.log !== 'off');
      if (flags.json === true)
        print(JSON.stringify({ ranker, version: artifact.manifest.version, ...report, statements: said }));
      else printReport(report, said);
      if (flags.out !== undefined) {
        await writeOut(flags.out, examinationPlot(report));
        note(`curves: ${flags.out}`);
      }
    });

const examined = async (
  settings: Settings,
  artifact: LoadedArtifact,
  flags: ExaminationFlags,
): Promise<ExaminationReport> => {
  const { definition } = artifact;
  const tower = await biasWeights(artifact);
  const options: ExamineOptions = {
    definition,
    precision: flags.precision,
    ...(tower === undefined ? {} : { tower }),
    ...(flags.by === undefined ? {} : { by: flags.by }),
    ...(flags.simulated === true ? { truth: (position, where) => examination(position, where?.value as Device) } : {}),
    ...(flags.positions === undefined ? {} : { positions: flags.positions }),
  };
  if (settings.log === 'off') return examine(options);
  const zone = definition.training?.timezone ?? 'UTC';
  const progress = createProgress(flags.json !== true);
  const log = await openEventsToRead(settings);
  try {
    const tables = await openLogTables({
      log,
      ranker: definition.name,
      ...(flags.from === undefined ? {} : { from: pointInTime(flags.from, zone) }),
      ...(flags.to === undefined ? {} : { to: pointInTime(flags.to, zone) }),
      onProgress: (done, total) => progress.show({ label: 'reading the log', done, total }),
    });
    try {
      return await examine({ ...options, tables });
    } finally {
      await tables.close();
    }
  } finally {
    progress.stop();
    await log.close();
  }
};

const printReport = (report: ExaminationReport, said: readonly string[]): void => {
  const { heads, requests, swapRequests } = report;
  print(`${requests.toLocaleString('en-US')} requests, of which ${swapRequests.toLocaleString('en-US')} drew a swap`);
  for (const head of heads) {
    const where = head.where === undefined ? '' : `, ${head.where.feature} ${head.where.value}`;
    const { columns, rows } = examinationTable(head);
    print(`\n${head.task}${where}\n${formatTable(columns, rows)}`);
  }
  if (said.length > 0) print(`\n${said.join('\n')}`);
};

const percent = (text: string): number => positiveNumber(text) / 100;

const requireListed = ({ features }: RankerDefinition, by: string): void => {
  const listed = Object.entries(features).flatMap(([name, feature]) =>
    feature.kind === 'category' && feature.values !== undefined ? [name] : [],
  );
  if (listed.includes(by)) return;
  throw new WatchnextError('usage', `--by ${by}: there is no category feature with listed values of this name`, {
    problems: [
      {
        path: '--by',
        message: 'must be a category feature with listed values',
        hint: listed.length === 0 ? 'this ranker has none' : nameHint(by, listed),
      },
    ],
  });
};

/** The simulated platform's law is one of positions by device. */
const requireDevices = ({ features }: RankerDefinition, by: string | undefined): void => {
  const feature = by === undefined ? undefined : features[by];
  const values: readonly unknown[] = feature?.kind === 'category' ? (feature.values ?? []) : [];
  if (values.length > 0 && values.every((value) => (devices as readonly unknown[]).includes(value))) return;
  throw new WatchnextError(
    'usage',
    '--simulated needs --by with the feature that tells the devices of the simulated platform apart',
    {
      problems: [
        { path: '--simulated', message: `its law is by device: ${devices.join(', ')}`, hint: 'add --by device' },
      ],
    },
  );
};
