import { basename, dirname, extname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { WatchnextError } from '../../src/errors.js';
import { logSettingNames } from '../../src/settings.js';
import { openLogTables, type LogTables } from '../../training/dataset/index.js';
import {
  analyseExperiment,
  experimentReport,
  requireExperiment,
  toHtml,
  toMarkdown,
  verdicts,
  type Block,
  type Correction,
  type ExperimentAnalysis,
} from '../../training/experiments/index.js';
import type { ContaminationFinding } from '../../training/stream/index.js';
import { duration, pointInTime, positiveNumber } from '../arguments.js';
import { openEventsToRead } from '../event-log.js';
import { createProgress, note, print } from '../output.js';
import { settingsOf, withSettings, type SettingFlags } from '../settings.js';
import { requireWritableFile, writeOut } from '../writable.js';
import { contaminated } from './contaminated.js';
import { effectOption } from './numbers.js';
import { plannedShares, type PlannedShares } from './planned.js';
import { namedRanker, rankerOf } from './ranker.js';

const formats = ['md', 'html', 'json'] as const;
type Format = (typeof formats)[number];

interface ReportFlags extends SettingFlags {
  readonly ranker?: string;
  readonly control?: string;
  readonly phase?: string;
  readonly from?: number;
  readonly to?: number;
  readonly share?: Readonly<Record<string, number>>;
  readonly effect: number;
  readonly before: number;
  readonly tunedFor: number;
  readonly correction: Correction;
  readonly format?: Format;
  readonly json?: boolean;
  readonly out?: string;
}

export const reportCommand = (): Command =>
  withSettings(
    new Command('report')
      .description('compare the arms of an experiment by the metrics of a ranker, from the event log')
      .argument('<experiment>', 'its key')
      .option('--ranker <ranker>', 'whose metrics; the one that answered most of its lists, if left out')
      .option('--control <arm>', 'what the others are compared with; the first arm if left out')
      .option('--phase <phase>', 'the one that began last, if left out')
      .option('--from <time>', 'only what happened from then on; in UTC if it names no zone', timeFlag)
      .option('--to <time>', 'only what happened before', timeFlag)
      .option('--share <parts>', 'planned parts of the users, e.g. control=50,b=50; those of --experiments', shareFlag)
      .addOption(effectOption())
      .addOption(
        new Option('--before <duration>', 'time before the exposure that CUPED looks at; 0s for none')
          .argParser(duration)
          .default(604_800_000, '7d'),
      )
      .option('--tuned-for <users>', 'at about so many, always-valid intervals are narrowest', positiveNumber, 5000)
      .addOption(
        new Option('--correction <kind>', 'for several metrics and arms')
          .choices(['benjamini-hochberg', 'holm', 'none'])
          .default('benjamini-hochberg'),
      )
      .addOption(new Option('--format <format>', 'md if neither this nor --out says otherwise').choices([...formats]))
      .option('--out <file>', 'write it there; pictures of a Markdown report go beside it')
      .option('--json', 'the same as --format json'),
    ['models', 'experiments', 'experimentsLastGood', ...logSettingNames],
  )
    .addHelpText(
      'after',
      `
A user counts from their first exposure on. The findings go by always-valid intervals: look as often as you like, and stop
when they say something. The intervals for one look are there too. Users who saw two arms are left out, and counted.

Examples:
  $ watchnext experiment report bolder_ranking
  $ watchnext experiment report bolder_ranking --ranker films --out bolder.html
  $ watchnext experiment report bolder_ranking --control current --from 2026-05-01 --json
  $ watchnext experiment report bolder_ranking --log kafka --kafka-brokers localhost:9092 --out reports/bolder.md`,
    )
    .action(async (experiment: string, flags: ReportFlags, command: Command) => {
      const settings = settingsOf(command);
      const format = formatOf(flags);
      if (flags.out !== undefined) await requireWritableFile(flags.out, '--out');
      const planned: Partial<PlannedShares> | undefined =
        flags.share === undefined ? await plannedShares(settings, experiment) : { shares: flags.share };
      const progress = createProgress(format !== 'json' || flags.out !== undefined);
      const log = await openEventsToRead(settings);
      let tables: LogTables | undefined;
      try {
        tables = await openLogTables({
          log,
          onProgress: (done, total) => progress.show({ label: 'reading the log', done, total }),
        });
        await requireExperiment(tables, experiment);
        const definition = await namedRanker(flags.ranker ?? (await rankerOf(tables, experiment)), settings.models);
        const { control, phase, from, to, effect, before, tunedFor, correction } = flags;
        const analysis = await analyseExperiment({
          tables,
          definition,
          experiment,
          worthwhile: effect,
          beforeMs: before,
          tunedFor,
          correction,
          ...(control !== undefined && { control }),
          ...(phase !== undefined && { phase }),
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
          ...(planned?.shares !== undefined && { planned: { ...planned, shares: planned.shares } }),
          onProgress: (done, total, metric) => progress.show({ label: 'measuring', done, total, detail: metric }),
        });
        progress.stop();
        const { models } = settings;
        const learned = await contaminated({ tables, experiment, models, from: analysis.from, to: analysis.to });
        await give({ analysis, learned, notes: readNotes(tables) }, { format, out: flags.out });
      } finally {
        progress.stop();
        await tables?.close();
        await log.close();
      }
    });

const formatOf = ({ format, json, out }: ReportFlags): Format => {
  if (json === true && format !== undefined && format !== 'json')
    throw new WatchnextError('usage', `--json and --format ${format} are two answers`);
  if (json === true) return 'json';
  const extension = extname(out ?? '').slice(1);
  return format ?? (extension === 'htm' ? 'html' : (formats.find((each) => each === extension) ?? 'md'));
};

/** What was read, and what of it could not be. */
const readNotes = ({ counts }: LogTables): string[] => {
  const { lists, feedback, exposures, duplicateLists, duplicateFeedback, damaged } = counts;
  const number = (value: number): string => value.toLocaleString('en-US');
  const twice = duplicateLists + duplicateFeedback;
  return [
    `Read ${number(lists)} lists, ${number(feedback)} feedback and ${number(exposures)} exposures${twice === 0 ? '' : `; ${number(twice)} came again and count once`}.`,
    ...(damaged === 0 ? [] : [`${number(damaged)} records are damaged and left out: see watchnext log verify.`]),
  ];
};

interface Found {
  readonly analysis: ExperimentAnalysis;
  /** What the arms' models learned from one another. */
  readonly learned: readonly ContaminationFinding[];
  readonly notes: readonly string[];
}

const give = async (
  { analysis, learned, notes }: Found,
  { format, out }: { readonly format: Format; readonly out: string | undefined },
): Promise<void> => {
  const said = (mixed: boolean): string[] =>
    learned.filter(({ kind }) => (kind === 'mixed') === mixed).map(({ message }) => message);
  const blocks = experimentReport(analysis, [...notes, ...said(false)], said(true));
  const files = out === undefined ? undefined : join(dirname(out), `${basename(out, extname(out))}-`);
  const write = async (text: string, pictures: ReadonlyMap<string, string> = new Map()): Promise<void> => {
    if (out === undefined) {
      print(text.trimEnd());
      return;
    }
    for (const [name, svg] of pictures) await writeOut(join(dirname(out), name), svg);
    await writeOut(out, text);
    note(`report: ${out}`);
  };
  if (format === 'json')
    await write(`${JSON.stringify({ ...analysis, verdicts: verdicts(analysis), contamination: learned, notes })}\n`);
  else if (format === 'html') await write(toHtml(blocks));
  else {
    const { markdown, pictures } = toMarkdown(
      files === undefined ? blocks.filter(readAsText) : blocks,
      basename(files ?? ''),
    );
    await write(markdown, pictures);
  }
};

/** Without a file to stand beside, a picture has no place. */
const readAsText = (block: Block): boolean =>
  block.kind !== 'picture' && !(block.kind === 'heading' && block.text === 'Over time');

function shareFlag(text: string): Readonly<Record<string, number>> {
  const parts = text.split(',').map((part) => part.split('='));
  const shares = Object.fromEntries(parts.map(([arm = '', share = '']) => [arm.trim(), Number(share)]));
  const right = parts.every(([arm, share, more]) => arm !== '' && Number(share) > 0 && more === undefined);
  if (!right || parts.length < 2)
    throw new InvalidArgumentError('must name at least two arms with their parts, the control first: control=50,b=50.');
  return shares;
}

/** Commander gives a parser the value before, too. */
function timeFlag(text: string): number {
  return pointInTime(text);
}
