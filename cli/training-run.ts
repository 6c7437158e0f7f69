import { join } from 'node:path';
import { openArtifacts } from '../src/artifact/index.js';
import type { Ranker } from '../src/definition/index.js';
import { openDataset } from '../training/dataset/index.js';
import {
  buildReport,
  measureHeldOut,
  metricTables,
  requireRowsBefore,
  trainingDoubts,
} from '../training/evaluate/index.js';
import { collectExamples, sealRanker, trainRanker, type TrainingProgress } from '../training/fit/index.js';
import { datasetWarning } from './dataset-text.js';
import { measuresHint } from './measures-hint.js';
import { createProgress, markdownAsText, note, print } from './output.js';
import { datasetSource, engineNamed } from './ranker.js';

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
  const engine = await engineNamed(run.engine);
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
