import type { RankerDefinition } from '../../src/definition/index.js';
import type { WorldOptions } from '../../training/dataset/index.js';
import type { StudyResult } from '../../training/studies/index.js';

/** How large a study is. */
export interface StudySize {
  /** Repetitions, each in a world of its own. */
  readonly worlds: number;
  readonly users: number;
  readonly requestsPerDay: number;
  /** Of log to train on. */
  readonly historyDays: number;
  /** Live, after the log. */
  readonly days: number;
}

export interface StudyOptions {
  readonly seed: number;
  readonly short: boolean;
  readonly size: StudySize;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One of the studies. */
export interface Study {
  /** Of its files, too. */
  readonly name: string;
  readonly title: string;
  /** For the help of the command. */
  readonly about: string;
  readonly full: StudySize;
  readonly short: StudySize;
  run(options: StudyOptions): Promise<StudyOutcome>;
}

export interface StudyOutcome {
  /** All that is not known before it runs. */
  readonly found: Omit<StudyResult, 'study' | 'title' | 'seed' | 'short'>;
  /** Pictures of its own, SVG by file name. */
  readonly plots?: ReadonlyMap<string, string>;
}

/** Screens of 10 out of 40: short enough that the first places matter. */
export const worldOf = ({ users, requestsPerDay }: StudySize): WorldOptions => ({
  users,
  requestsPerDay,
  listLength: 10,
  poolSize: 40,
  newUsersPerDay: Math.ceil(users / 40),
});

/** For people. */
export const settingOf = (
  { worlds, users, requestsPerDay, historyDays, days }: StudySize,
  definition: RankerDefinition,
): Record<string, string | number> => ({
  worlds,
  'people in each': users,
  'lists a day': requestsPerDay,
  'days of log': historyDays,
  'days live': days,
  score: Object.entries(definition.score.weights)
    .filter(([, weight]) => weight !== 0)
    .map(([head, weight]) => (weight === 1 ? head : `${head}^${weight}`))
    .join(' × '),
});
