import type { Ranker } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { Settings } from '../../src/settings.js';
import { openLogTables, openQueryTable } from '../../training/dataset/index.js';
import { count } from '../../training/experiments/index.js';
import {
  checkPropensities,
  chooseAims,
  foreignColumns,
  leftOutReasons,
  readForeignLists,
  readLoggedLists,
  type LeftOutReason,
  type LoggedLists,
} from '../../training/policy/index.js';
import { openEventsToRead } from '../event-log.js';
import { datasetSource } from '../ranker.js';
import type { Step } from '../output.js';

/** Lists to be judged by, and what is to be said of them. */
export interface Source {
  readonly lists: LoggedLists;
  /** Names of what is estimated: engagement and satisfaction first. */
  readonly aims: readonly [string, string];
  /** Sentences for people. */
  readonly notes: readonly string[];
  /** Why nothing can be recommended, whatever the numbers say. */
  readonly doubts: readonly string[];
  /** Whether the log gives the chances of a target itself. */
  readonly named: boolean;
}

export interface SourceOptions {
  readonly ranker: Ranker;
  readonly engagement?: string | undefined;
  readonly satisfaction?: string | undefined;
  readonly show: (step: Step) => void;
}

/** Part of the lists whose logged chances may be wrong before nothing is recommended. */
const doubtful = 0.01;

const day = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');

/** Lists of the service’s own log. Throws `data_missing` if there are none that can be used, saying why. */
export const ownSource = async (
  options: SourceOptions & {
    readonly settings: Settings;
    readonly from?: number | undefined;
    readonly to?: number | undefined;
    readonly mostLists?: number | undefined;
  },
): Promise<Source> => {
  const { ranker, settings, from, to, mostLists, show } = options;
  const { definition } = ranker;
  const { engagement, satisfaction } = chooseAims(definition, options);
  const log = await openEventsToRead(settings);
  try {
    const tables = await openLogTables({
      log,
      ranker: definition.name,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      onProgress: (done, total) => show({ label: 'reading the log', done, total }),
    });
    try {
      const { lists, leftOut, share } = await readLoggedLists({
        tables,
        definition,
        metrics: [engagement, satisfaction],
        ...(mostLists !== undefined && { mostLists }),
        onProgress: (done, total) => show({ label: 'taking lists together', done, total }),
      });
      const unused = (Object.keys(leftOut) as LeftOutReason[]).filter((reason) => leftOut[reason] > 0);
      if (lists.count === 0)
        throw new WatchnextError(
          'data_missing',
          `The log has no lists of ${definition.name} that could be ranked anew.`,
          {
            problems:
              unused.length === 0
                ? [
                    {
                      path: 'log',
                      message: 'no impressions',
                      hint: 'name another log or period: --log-directory, --from, --to',
                    },
                  ]
                : unused.map((reason) => ({
                    path: 'log',
                    message: `${count(leftOut[reason])} lists: ${leftOutReasons[reason]}`,
                    hint: 'exploration (share, temperature) logs every candidate with its chance',
                  })),
          },
        );
      const { checked, differ, largest } = checkPropensities(lists);
      const { span, counts } = tables;
      const doubt = `in ${count(differ)} of ${count(checked)} lists the logged chances are not those that policy and heads give (by up to ${largest.toPrecision(2)}): the log’s policy is not what it says, and estimates may be wrong`;
      return {
        lists,
        aims: [engagement.name, satisfaction.name],
        named: false,
        notes: [
          `${count(lists.count)} lists of ${count(lists.users.length)} users${span === undefined ? '' : `, ${day(span.first)} to ${day(span.last)} UTC`}, with ${count(counts.feedback)} feedback.`,
          ...(share < 1
            ? [`The log is longer: these are the lists of ${(100 * share).toFixed(1)} % of its users.`]
            : []),
          ...unused.map((reason) => `Left out: ${count(leftOut[reason])} lists, ${leftOutReasons[reason]}.`),
          differ === 0
            ? `The logged chances are those that policy and heads give, in all ${count(checked)} lists.`
            : `Warning: ${doubt}.`,
        ],
        doubts: differ > doubtful * checked ? [`${doubt.charAt(0).toUpperCase()}${doubt.slice(1)}.`] : [],
      };
    } finally {
      await tables.close();
    }
  } finally {
    await log.close();
  }
};

/** Lists of a log of others: dataset.sql beside the definition, over a folder of files. */
export const foreignSource = async (
  options: SourceOptions & {
    readonly directory: string;
    /** Whether the target is one of weights, searched or given. */
    readonly byWeights: boolean;
  },
): Promise<Source> => {
  const { ranker, directory, byWeights, show } = options;
  const { definition, sqlFile } = ranker;
  const { sql } = datasetSource(ranker, directory);
  show({ label: 'running dataset.sql', done: 0, total: 1 });
  const table = await openQueryTable({ sql, sqlFile, directory });
  try {
    const columns = foreignColumns(table, definition, sqlFile);
    const named = columns.target && !byWeights;
    if (!named) refuseUnpredicted(ranker, columns.predicted);
    const lists = await readForeignLists({ table, columns, definition, sqlFile, byPlace: named });
    if (!named && lists.rowStart.at(-1) === lists.slotRow.length)
      throw new WatchnextError('data_invalid', `${sqlFile} gives only what was shown`, {
        problems: [
          {
            path: `${sqlFile}: propensity`,
            message: 'has a value in every row: other weights would show other candidates',
            hint: 'add a row with propensity NULL for every candidate that was not shown, or a column target_propensity',
          },
        ],
      });
    show({ label: 'running dataset.sql', done: 1, total: 1 });
    const names = lists.metrics.map(({ name }) => name);
    const aim = (flag: 'engagement' | 'satisfaction', otherwise: string | undefined): string => {
      const name = options[flag] ?? names.find((each) => definition.tasks[each]?.group === flag) ?? otherwise;
      if (name !== undefined && names.includes(name)) return name;
      throw new WatchnextError('usage', `--${flag}: there is no label of ${name ?? 'such a task'} in ${sqlFile}`, {
        problems: [{ path: `--${flag}`, message: 'not among the tasks with a label', hint: names.join(', ') }],
      });
    };
    return {
      lists,
      aims: [aim('engagement', names[0]), aim('satisfaction', names.at(-1))],
      named,
      doubts: [],
      notes: [
        `${count(lists.count)} ${named ? 'places' : 'lists'} of ${count(lists.users.length)} users, by ${sqlFile}.`,
      ],
    };
  } finally {
    await table.close();
  }
};

/** Weights of heads that the log does not have say nothing. */
const refuseUnpredicted = ({ definition, sqlFile }: Ranker, predicted: readonly string[]): void => {
  const { weights } = definition.score;
  const needed = Object.keys(weights).filter((task) => weights[task] !== 0 && !predicted.includes(task));
  if (needed.length === 0) return;
  throw new WatchnextError('data_missing', `${sqlFile} does not give what the score is made of`, {
    problems: needed.map((task) => ({
      path: `${sqlFile}: predicted_${task}`,
      message: `no such column: the head ${task} has a weight`,
      hint: 'a prediction for every candidate; or a column target_propensity, and no weights',
    })),
  });
};
