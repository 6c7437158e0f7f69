import { join } from 'node:path';
import { Command, Option } from 'commander';
import { loadRanker } from '../src/definition/index.js';
import { wholeNumber } from './arguments.js';
import { note, print } from './output.js';
import { folderDoubt, timeFlag } from './ranker.js';
import { requireWritable } from './writable.js';

interface TrainFlags {
  readonly data: string;
  readonly until?: string;
  readonly engine: string;
  readonly seed?: number;
  readonly models: string;
  readonly out?: string;
  readonly activate: boolean;
  readonly json?: boolean;
}

/** Ctrl-C once stops after the step under way and keeps a checkpoint; twice ends at once. */
const interruptSignal = (): AbortSignal => {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    note('\nstopping after this step; the same command goes on from here (Ctrl-C again ends at once)');
    controller.abort();
    process.once('SIGINT', () => process.kill(process.pid, 'SIGKILL'));
  });
  return controller.signal;
};

export const trainCommand = (): Command =>
  new Command('train')
    .argument('<ranker.yaml>')
    .requiredOption('--data <dir>', 'the folder that dataset.sql reads')
    .option('--until <time>', 'use only what is before this time, e.g. 2022-05-01')
    .addOption(
      new Option('--engine <engine>', 'what executes the training step').choices(['onnx', 'tfjs-node']).default('onnx'),
    )
    .option('--seed <n>', 'seed of everything random; the definition’s, else 1, if left out', wholeNumber)
    .option('--models <dir>', 'the folder of sealed versions', 'models')
    .addOption(new Option('--out <dir>', 'what --models was called').hideHelp())
    .option('--no-activate', 'seal without making the version the active one')
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
An interrupted training (Ctrl-C, a crash) goes on from its last checkpoint when the same command is run again.

Examples:
  $ watchnext train models/demo/ranker.yaml --data .demo/data
  $ watchnext train models/kuairand/ranker.yaml --data ~/kuairand-pure --until 2022-05-01 --seed 7`,
    )
    .action(async (file: string, flags: TrainFlags) => {
      const ranker = await loadRanker(file);
      const doubt = folderDoubt(ranker);
      if (doubt !== undefined) note(`warning: ${doubt}`);
      const models = flags.out ?? flags.models;
      await requireWritable(join(models, ranker.definition.name), '--models');
      await requireWritable(join(models, '.checkpoints'), '--models');
      const { printTraining, trainAndSeal } = await import('./training-run.js');
      const result = await trainAndSeal({
        ranker,
        data: flags.data,
        engine: flags.engine,
        out: models,
        activate: flags.activate,
        signal: interruptSignal(),
        ...(flags.seed === undefined ? {} : { seed: flags.seed }),
        ...(flags.until === undefined ? {} : { until: timeFlag('--until', flags.until, ranker) }),
      });
      for (const text of result.doubts) note(`warning: ${text}`);
      if (flags.json === true) print(JSON.stringify({ ...result, tables: undefined }));
      else printTraining(result);
    });
