import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError, type Problem } from '../../src/errors.js';
import { nearestName } from '../../src/nearest.js';
import type { QueryTable } from '../dataset/index.js';

/** What of a foreign log is there, of all that is looked for. */
export interface ForeignColumns {
  /** Tasks whose label is a column: what is estimated. */
  readonly labels: readonly { readonly task: string; readonly column: string }[];
  /** Tasks with a column `predicted_<task>`: what a target orders by, and what the outcome is modelled from. */
  readonly predicted: readonly string[];
  readonly request: boolean;
  readonly user: boolean;
  readonly position: boolean;
  readonly target: boolean;
}

/** Reads which columns there are; throws `data_missing` if there is no propensity or nothing to estimate. */
export const foreignColumns = (table: QueryTable, definition: RankerDefinition, sqlFile: string): ForeignColumns => {
  const names = table.columns.map(({ name }) => name);
  const labels = Object.entries(definition.tasks).flatMap(([task, { label }]) =>
    names.includes(label) ? [{ task, column: label }] : [],
  );
  const problems: Problem[] = [];
  const hintFor = (column: string, otherwise: string): string => {
    const nearest = nearestName(column, names);
    return nearest === undefined ? otherwise : `did you mean ${nearest}? Write ${nearest} AS ${column}`;
  };
  if (!names.includes('propensity'))
    problems.push({
      path: `${sqlFile}: propensity`,
      message: 'no such column: the chance of a shown item to be in its place is needed',
      hint: hintFor('propensity', 'a number in (0, 1] for what was shown, NULL for candidates that were not'),
    });
  if (labels.length === 0)
    for (const [task, { label }] of Object.entries(definition.tasks))
      problems.push({
        path: `${sqlFile}: ${label}`,
        message: `no such column: the label of task ${task}`,
        hint: hintFor(label, 'at least one label is needed'),
      });
  if (problems.length > 0)
    throw new WatchnextError('data_missing', `${sqlFile} does not give the columns of a log with propensities`, {
      problems,
    });
  return {
    labels,
    predicted: Object.keys(definition.tasks).filter((task) => names.includes(`predicted_${task}`)),
    request: names.includes('request_id'),
    user: names.includes('user_id'),
    position: names.includes('position'),
    target: names.includes('target_propensity'),
  };
};
