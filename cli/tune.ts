import { basename, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadRanker, type Ranker } from '../src/definition/index.js';
import { WatchnextError } from '../src/errors.js';
import { editArm } from '../src/experiments/index.js';
import { logSettingNames } from '../src/settings.js';
import { toHtml } from '../training/experiments/index.js';
import {
  estimators,
  evaluatePolicy,
  frontPlot,
  searchBounds,
  tune,
  tuningReport,
  type Estimator,
  type ListMetric,
  type LoggedLists,
  type Tuning,
  type Variation,
} from '../training/policy/index.js';
import { positiveNumber, wholeNumber } from './arguments.js';
import { createProgress, note, print, type Step } from './output.js';
import { timeFlag } from './ranker.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';
import {
  armPlace,
  evaluationJson,
  foreignSource,
  over0,
  ownSource,
  printEvaluation,
  printTuning,
  share,
  tuningJson,
  weightList,
  weightsOf,
  type ArmPlace,
  type Source,
} from './tune/index.js';
import { requireWritableFile, writeOut } from './writable.js';

interface TuneFlags extends SettingFlags {
  readonly definition?: string;
  readonly data?: string;
  readonly engagement?: string;
  readonly satisfaction?: string;
  readonly from?: string;
  readonly to?: string;
  readonly weights?: Readonly<Record<string, number>>;
  readonly tries: number;
  readonly seed: number;
  readonly judged: number;
  readonly estimator: Estimator;
  readonly weighting: 'place' | 'examined';
  readonly clip: number;
  readonly share?: number;
  readonly temperature?: number;
  readonly mostLists: number;
  readonly point?: number;
  readonly writeArm?: ArmPlace;
  readonly out?: string;
  readonly json?: boolean;
}

export const tuneCommand = (): Command =>
  withSettings(
    new Command('tune')
      .argument('[ranker]', 'a folder of the models folder, or its ranker.yaml')
      .option('--engagement <metric>', 'what to raise; the first metric of the tasks of engagement if left out')
      .option('--satisfaction <metric>', 'what to raise too; the first of satisfaction if left out')
      .option('--from <time>', 'lists from then on')
      .option('--to <time>', 'lists before then')
      .option(
        '--weights <list>',
        'estimate these (click=1,like=0.5) by every estimator, and search nothing',
        weightList,
      )
      .option('--tries <n>', 'how many weights are tried', positiveNumber, 200)
      .option('--seed <n>', 'one seed, one outcome', wholeNumber, 1)
      .option('--judged <share>', 'part of the users that is not searched on, for the estimates', openShare, 0.5)
      .addOption(new Option('--estimator <name>', 'of the search').choices([...estimators]).default('dr'))
      .addOption(
        new Option('--weighting <name>', 'what a reward depends on: the place alone, or how often people look there')
          .choices(['place', 'examined'])
          .default('examined'),
      )
      .option('--clip <weight>', 'weights of lists count as this at most', over0, 100)
      .option('--share <share>', 'judge policies with this share of noise; as logged if left out', share)
      .option('--temperature <t>', 'of that noise; 1 if left out', over0)
      .option('--most-lists <n>', 'of a longer log, the lists of some users', positiveNumber, 200_000)
      .option('--write-arm <place>', 'write the recommended weights: experiments.json:experiment/arm', armPlace)
      .option('--point <n>', 'write this line of the front instead', positiveNumber)
      .option('--out <file>', 'a report (.html) or the plot (.svg)', outFile)
      .option('--definition <file>', 'a log of others: the ranker.yaml, with dataset.sql beside it')
      .option('--data <dir>', 'the folder that this dataset.sql reads')
      .option('--json', 'one JSON object on stdout'),
    ['models', ...logSettingNames],
  )
    .addHelpText(
      'after',
      `
The log must have been varied: exploration in ranker.yaml or an arm (share, temperature). Weights stay within score.bounds;
where a head has none, between 0 and twice the largest weight. A log of others is one row per candidate with the columns
propensity (NULL for what was not shown), position, request_id, user_id, the tasks' labels, and predicted_<task> or
target_propensity.

Examples:
  $ watchnext tune films
  $ watchnext tune films --engagement watch_time --satisfaction rating --out weights.html
  $ watchnext tune films --weights click=1,like=2 --json
  $ watchnext tune films --write-arm experiments.json:score/tuned
  $ watchnext tune --definition open-bandit/ranker.yaml --data ~/open-bandit`,
    )
    .action(async (name: string | undefined, flags: TuneFlags, command: Command) => {
      const progress = createProgress(flags.json !== true);
      try {
        const settings = settingsOf(command);
        const ranker = await rankerOf(name, flags, settings.models);
        if (flags.out !== undefined) await requireWritableFile(flags.out, '--out');
        const { engagement, satisfaction } = flags;
        const common = { ranker, engagement, satisfaction, show: (step: Step) => progress.show(step) };
        const source =
          flags.data === undefined
            ? await ownSource({
                ...common,
                settings,
                from: flags.from === undefined ? undefined : timeFlag('--from', flags.from, ranker),
                to: flags.to === undefined ? undefined : timeFlag('--to', flags.to, ranker),
                mostLists: flags.mostLists,
              })
            : await foreignSource({ ...common, directory: flags.data, byWeights: flags.weights !== undefined });
        if (flags.weights !== undefined || source.named)
          evaluateOne(ranker, { source, flags, stop: () => progress.stop() });
        else await tuneWeights(ranker, { source, flags, progress });
      } finally {
        progress.stop();
      }
    });

/** A part of the users that leaves some on both sides. */
function openShare(text: string): number {
  const value = share(text);
  if (value <= 0 || value >= 1) throw new InvalidArgumentError('must be between 0 and 1.');
  return value;
}

function outFile(text: string): string {
  if (!/\.(html|svg)$/.test(text)) throw new InvalidArgumentError('must end with .html or .svg.');
  return text;
}

const rankerOf = async (name: string | undefined, flags: TuneFlags, models: string): Promise<Ranker> => {
  const { definition, data, writeArm, point } = flags;
  const refuse = (message: string): never => {
    throw new WatchnextError('usage', message);
  };
  if (point !== undefined && writeArm === undefined) refuse('--point says what --write-arm writes: give both');
  if ((definition === undefined) !== (data === undefined))
    refuse('--definition and --data go together: a log of others');
  if (name === undefined && definition === undefined)
    refuse('name a ranker, or a log of others with --definition and --data');
  if (name !== undefined && definition !== undefined) refuse(`${name} and --definition: name one of them`);
  const wanted = name ?? definition ?? '';
  const isPath = definition !== undefined || /[/\\]|\.ya?ml$/.test(wanted);
  return loadRanker(isPath ? wanted : join(models, wanted));
};

const variationOf = (flags: TuneFlags): Variation | undefined =>
  flags.share === undefined && flags.temperature === undefined
    ? undefined
    : { share: flags.share ?? 1, temperature: flags.temperature ?? 1, swaps: 0 };

/** By task of the lists: the task whose outcome it waits for. */
const waitsOf = ({ definition }: Ranker, { tasks }: LoggedLists): (number | undefined)[] =>
  tasks.map((task) => {
    const at = tasks.indexOf(definition.tasks[task]?.when ?? '');
    return at < 0 ? undefined : at;
  });

/** Weights by the lists’ own tasks: a log of others may have fewer heads. */
const alignedWeights = (ranker: Ranker, lists: LoggedLists, wanted?: TuneFlags['weights']): number[] => {
  const all = weightsOf(ranker.definition, wanted);
  const tasks = Object.keys(ranker.definition.tasks);
  return lists.tasks.map((task) => all[tasks.indexOf(task)] ?? 0);
};

interface Given {
  readonly source: Source;
  readonly flags: TuneFlags;
}

const evaluateOne = (ranker: Ranker, { source, flags, stop }: Given & { readonly stop: () => void }): void => {
  const { lists, named, notes } = source;
  const { form } = ranker.definition.score;
  const variation = variationOf(flags);
  const target = named
    ? 'named'
    : { weights: alignedWeights(ranker, lists, flags.weights), form, ...(variation !== undefined && { variation }) };
  const { seed, clip } = flags;
  const evaluation = evaluatePolicy({ lists, target, waits: waitsOf(ranker, lists), seed, clip });
  stop();
  if (flags.json === true) print(JSON.stringify({ ...evaluationJson(evaluation, ranker.definition.name), notes }));
  else printEvaluation(evaluation, notes);
};

const tuneWeights = async (
  ranker: Ranker,
  { source, flags, progress }: Given & { readonly progress: ReturnType<typeof createProgress> },
): Promise<void> => {
  const { lists, aims, notes, doubts } = source;
  const { definition } = ranker;
  const current = alignedWeights(ranker, lists);
  const variation = variationOf(flags);
  const at = (name: string): number => lists.metrics.findIndex((metric: ListMetric) => metric.name === name);
  const tuning = tune({
    lists,
    space: {
      current,
      form: definition.score.form,
      bounds: searchBounds(lists.tasks, current, definition.score.bounds),
    },
    metrics: [at(aims[0]), at(aims[1])],
    waits: waitsOf(ranker, lists),
    seed: flags.seed,
    tries: flags.tries,
    judged: flags.judged,
    estimator: flags.estimator,
    weighting: flags.data === undefined ? flags.weighting : 'place',
    clip: flags.clip,
    doubts,
    ...(variation !== undefined && { variation }),
    onProgress: ({ phase, done, total }) =>
      progress.show({ label: phase === 'searching' ? 'trying weights' : 'judging what was found', done, total }),
  });
  progress.stop();
  const { tasks } = lists;
  if (flags.out !== undefined) {
    const report = { ranker: definition.name, tasks, notes };
    await writeOut(flags.out, flags.out.endsWith('.svg') ? frontPlot(tuning) : toHtml(tuningReport(tuning, report)));
    note(`${basename(flags.out)} written`);
  }
  if (flags.json === true) print(JSON.stringify({ ...tuningJson(tuning, definition, tasks), notes }));
  else printTuning(tuning, tasks, notes);
  if (flags.writeArm !== undefined) await writeArm(flags.writeArm, { tuning, tasks, point: flags.point });
};

const writeArm = async (
  { file, experiment, arm }: ArmPlace,
  chosen: { readonly tuning: Tuning; readonly tasks: readonly string[]; readonly point: number | undefined },
): Promise<void> => {
  const { tuning, tasks, point } = chosen;
  const picked = point === undefined ? (tuning.recommended ? tuning.choice : undefined) : tuning.front[point - 1];
  const refuse = (message: string, hint: string): never => {
    throw new WatchnextError('usage', `Nothing was written into ${file}.`, {
      problems: [{ path: '--write-arm', message, hint }],
    });
  };
  if (picked === undefined)
    return refuse(
      point === undefined ? tuning.reasons.join(' ') : `the front has ${tuning.front.length} lines, not ${point}`,
      'choose a line of the front with --point',
    );
  if (picked.thin.length > 0)
    return refuse(`the log says too little of line ${point}: ${picked.thin.join('; ')}`, 'choose another line');
  const weights = Object.fromEntries(tasks.map((task, at) => [task, picked.weights[at] ?? 0]));
  const { changed, phase } = await editArm(file, { experiment, arm, settings: { weights } });
  note(
    changed
      ? `${file}: ${experiment}/${arm} has these weights${phase.now === phase.before ? '' : `, in a new phase ${phase.now}`}`
      : `${file}: ${experiment}/${arm} had these weights already`,
  );
};
