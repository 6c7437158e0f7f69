import { Command, InvalidArgumentError, Option } from 'commander';
import { loadRanker } from '../src/definition/index.js';
import { nameHint } from '../src/nearest.js';
import type { BaselineName } from '../training/evaluate/index.js';
import { duration, positiveNumber, wholeNumber } from './arguments.js';
import type { EvaluationRun } from './evaluation-run.js';
import { timeFlag } from './ranker.js';
import { requireWritable } from './writable.js';

/** What is run, with times as they are written. */
interface EvaluateFlags extends Omit<EvaluationRun, 'ranker' | 'trainUntil' | 'from' | 'to'> {
  readonly trainUntil: string;
  readonly from?: string;
  readonly to?: string;
}

/** All of them, in the order in which they are measured; the type checker sees to it that none is missing. */
const baselines: Readonly<Record<BaselineName, true>> = { constant: true, rates: true, single_task: true };
const baselineNames = Object.keys(baselines) as BaselineName[];

const durations = (text: string): number[] => text.split(',').map((part) => duration(part.trim()));

const parseBaselines = (text: string): BaselineName[] => {
  if (text === 'none') return [];
  return text.split(',').map((part) => {
    const name = baselineNames.find((known) => known === part.trim());
    if (name === undefined) throw new InvalidArgumentError(nameHint(part.trim(), [...baselineNames, 'none']));
    return name;
  });
};

export const evaluateCommand = (): Command =>
  new Command('evaluate')
    .argument('<ranker.yaml>')
    .requiredOption('--data <dir>', 'the folder that dataset.sql reads')
    .requiredOption('--train-until <time>', 'train on what is before this time')
    .option('--from <time>', 'score from this time on; --train-until if left out')
    .option('--to <time>', 'score until this time; the end of the log if left out')
    .option(
      '--progressive <periods>',
      'predict a period (1d), then learn it; one frozen model if left out; several (1h,6h,1d) are compared with each other, with a frozen model and with the learner of the stream (rows frozen and stream)',
      durations,
    )
    .option(
      '--seeds <n>',
      'train this many times with different seeds; means are reported, with their spread',
      positiveNumber,
      1,
    )
    .option('--seed <n>', 'the first seed; the definition’s, else 1, if left out', wholeNumber)
    .addOption(
      new Option('--engine <engine>', 'what executes the training step').choices(['onnx', 'tfjs-node']).default('onnx'),
    )
    .addOption(
      new Option(
        '--baselines <list>',
        `what it is held against, comma-separated of ${baselineNames.join(', ')}; or none`,
      )
        .argParser(parseBaselines)
        .default([...baselineNames], 'all'),
    )
    .option('--report <dir>', 'also write report.md with plots into this folder')
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
Times without an offset are in the ranker's own time zone (training.timezone).

Examples:
  $ watchnext evaluate models/kuairand/ranker.yaml --data ~/kuairand-pure --train-until 2022-05-01 --seeds 3
  $ watchnext evaluate models/kuairand/ranker.yaml --data ~/kuairand-pure --train-until 2022-05-01 --progressive 1d --json
  $ watchnext evaluate models/kuairand/ranker.yaml --data ~/kuairand-pure --train-until 2022-05-01 --from 2022-05-01 --to 2022-05-06 --progressive 1h,6h,1d`,
    )
    .action(async (file: string, flags: EvaluateFlags) => {
      const ranker = await loadRanker(file);
      const trainUntil = timeFlag('--train-until', flags.trainUntil, ranker);
      const from = flags.from === undefined ? trainUntil : timeFlag('--from', flags.from, ranker);
      const to = flags.to === undefined ? undefined : timeFlag('--to', flags.to, ranker);
      if (flags.report !== undefined) await requireWritable(flags.report, '--report');
      const { runEvaluation } = await import('./evaluation-run.js');
      await runEvaluation({ ...flags, ranker, trainUntil, from, to });
    });
