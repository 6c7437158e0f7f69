import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError, type Problem } from '../errors.js';
import { nameHint } from '../nearest.js';

/** What a request may ask for where the definition declares no bounds for a head. */
const defaultBounds: readonly [number, number] = [-10, 10];

/**
 * The weights that apply: the definition's, with the request's in their place. Every head is named, unweighted ones with 0.
 * Throws head_unknown or weight_out_of_bounds with all problems and what is allowed.
 */
export const resolveWeights = (
  definition: RankerDefinition,
  requested: Readonly<Record<string, number>> = {},
): Record<string, number> => {
  const tasks = Object.keys(definition.tasks);
  const unknown: Problem[] = [];
  const outside: Problem[] = [];
  for (const [task, weight] of Object.entries(requested)) {
    const path = `/weights/${task}`;
    if (!tasks.includes(task)) {
      unknown.push({ path, message: `${task} is not a head`, hint: nameHint(task, tasks) });
      continue;
    }
    const [least, most] = definition.score.bounds?.[task] ?? defaultBounds;
    if (!(weight >= least && weight <= most))
      outside.push({ path, message: `${weight} is not allowed`, hint: `from ${least} to ${most}` });
  }
  if (unknown.length > 0)
    throw new WatchnextError('head_unknown', `Ranker ${definition.name} has no such head.`, {
      problems: [...unknown, ...outside],
    });
  if (outside.length > 0)
    throw new WatchnextError('weight_out_of_bounds', `Ranker ${definition.name} does not allow these weights.`, {
      problems: outside,
    });
  return Object.fromEntries(tasks.map((task) => [task, requested[task] ?? definition.score.weights[task] ?? 0]));
};
