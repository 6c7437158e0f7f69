import { join } from 'node:path';
import { Command, Option } from 'commander';
import { loadRanker, type Ranker } from '../src/definition/index.js';
import { openArtifacts } from '../src/artifact/index.js';
import { openDataset } from '../training/dataset/index.js';
import {
  buildReport,
  measureHeldOut,
  metricTables,
  requireRowsBefore,
  trainingDoubts,
} from '../training/evaluate/index.js';
import { collectExamples, sealRanker, trainRanker, type TrainingProgress } from '../training/fit/index.js';
import { wholeNumber } from './arguments.js';
import { datasetWarning } from './dataset-text.js';
import { measuresHint } from './measures-hint.js';
import { createProgress, markdownAsText, note, print } from './output.js';
import { datasetSource, engineNamed, folderDoubt, timeFlag } from './ranker.js';
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

export interface TrainingRun {
  readonly ranker: Ranker;
  readonly data: string;
  readonly until?: number;
  readonly engine: string;
  readonly seed?: number;
  readonly out: string;
  readonly activate: boolean;
  readonly signal?: AbortSignal;
}

export interface TrainingResult {
  readonly ranker: string;
  readonly version: string;
  readonly folder: string;
  readonly active: boolean;
  /** Per task, on the held-out part; empty where nothing is held out. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The same beside the baselines, as markdown tables. */
  readonly tables: readonly string[];
  /** What speaks against using what was trained, in words. */
  readonly doubts: readonly string[];
  readonly training: { readonly examples: number; readonly seconds: number; readonly examplesPerSecond: number };
}

const progressLabel = ({ phase, epoch, epochs }: TrainingProgress): string =>
  epoch === undefined ? phase : `${phase} ${epoch}/${epochs ?? '?'}`;

const meanLoss = ({ losses = {} }: TrainingProgress): string => {
  const values = Object.values(losses);
  return values.length === 0 ? '' : `loss ${(values.reduce((sum, loss) => sum + loss, 0) / values.length).toFixed(4)}`;
};

/** Files to sealed version: reads, trains, measures on the held-out part, reports, seals and activates. */
export const trainAndSeal = async (run: TrainingRun): Promise<TrainingResult> => {
  const { ranker, data, until, seed, out } = run;
  const { definition } = ranker;
  const engine = engineNamed(run.engine);
  const progress = createProgress();
  const dataset = await openDataset(datasetSource(ranker, data));
  try {
    for (const [code, count] of dataset.warnings.counts) note(`warning: ${datasetWarning(code, count)}`);
    const options = {
      definition,
      dataset,
      onProgress: (step: TrainingProgress) =>
        progress.show({ label: progressLabel(step), done: step.done, total: step.total, detail: meanLoss(step) }),
      ...(run.signal === undefined ? {} : { signal: run.signal }),
    };
    if (until !== undefined) requireRowsBefore('--until', until, dataset.span);
    const examples = await collectExamples({ ...options, range: until === undefined ? {} : { until } });
    try {
      const trained = await trainRanker({
        ...options,
        engine,
        examples,
        checkpointDirectory: join(out, '.checkpoints'),
        ...(seed === undefined ? {} : { seed }),
      });
      try {
        const heldOut = await measureHeldOut({
          trained,
          examples,
          dataset,
          engine,
          ...(until === undefined ? {} : { until }),
        });
        progress.stop();
        const metrics = Object.fromEntries(
          Object.entries(heldOut?.tasks ?? {}).map(([task, { values }]) => [task, values]),
        );
        const { summary, window } = trained;
        const sealed = await sealRanker({
          trained,
          directory: out,
          definitionText: ranker.text,
          sample: examples.sample,
          metrics,
          report: (utilisation) =>
            buildReport({
              definition,
              title: `Training of ${definition.name}`,
              notes: [
                `Data from ${new Date(window.from).toISOString()} to ${new Date(window.until).toISOString()}, ` +
                  `${summary.rows.toLocaleString('en-US')} rows, seed ${trained.seed}, engine ${trained.engine}.`,
                ...(definition.bias === undefined
                  ? []
                  : ['Measured as it is served: without the position, which explains nothing here.']),
              ],
              history: trained.history,
              ...(heldOut === undefined ? {} : { scored: heldOut }),
              ...(utilisation === undefined ? {} : { utilisation }),
            }),
        });
        if (run.activate) await openArtifacts(out).activate(definition.name, sealed.version);
        return {
          ranker: definition.name,
          version: sealed.version,
          folder: sealed.folder,
          active: run.activate,
          metrics,
          tables: heldOut === undefined ? [] : metricTables(definition, heldOut),
          doubts: trainingDoubts(trained, heldOut),
          training: {
            examples: summary.examples,
            seconds: summary.seconds,
            examplesPerSecond: summary.examples / summary.seconds,
          },
        };
      } finally {
        await trained.close();
      }
    } finally {
      await examples.close();
    }
  } finally {
    progress.stop();
    await dataset.close();
  }
};

/** What a person wants to see after training. */
export const printTraining = ({ ranker, version, folder, active, tables, training }: TrainingResult): void => {
  if (tables.length > 0) print('on the held-out part, beside the baselines:');
  for (const table of tables) print(`${markdownAsText(table)}\n`);
  if (tables.length > 0) note(measuresHint);
  const rate = Math.round(training.examplesPerSecond).toLocaleString('en-US');
  print(
    `${training.examples.toLocaleString('en-US')} examples (rows × epochs) in ${training.seconds.toFixed(1)} s (${rate}/s)`,
  );
  print(`sealed ${ranker}@${version}${active ? ', active' : ''}`);
  print(`report: ${join(folder, 'report.md')}`);
};

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
