import { join } from 'node:path';
import { loadRanker, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { sqlText, type LogTables } from '../../training/dataset/index.js';

/** A ranker by its folder in the models folder, or by a path. */
export const namedRanker = async (name: string, models: string): Promise<RankerDefinition> => {
  const path = /[/\\]|\.ya?ml$/.test(name) ? name : join(models, name);
  return (await loadRanker(path)).definition;
};

/** The ranker that answered most of an experiment's lists. */
export const rankerOf = async (tables: LogTables, experiment: string): Promise<string> => {
  const [row] = await tables.query(
    `SELECT ranker, count(*) AS lists FROM lists WHERE arms[${sqlText(experiment)}] IS NOT NULL
     GROUP BY ranker ORDER BY lists DESC, ranker LIMIT 1`,
  );
  const ranker = row?.['ranker'];
  if (typeof ranker === 'string') return ranker;
  throw new WatchnextError('data_missing', `No list of the log was answered under the experiment ${experiment}.`, {
    problems: [
      { path: '--ranker', message: 'is needed: whose metrics are wanted is not clear', hint: '--ranker films' },
    ],
  });
};
