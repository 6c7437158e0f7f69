import { weightProblems, type RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';

/**
 * The weights that apply: the definition's, with the request's in their place. Every head is named, unweighted ones with 0.
 * Throws head_unknown or weight_out_of_bounds with all problems and what is allowed.
 */
export const resolveWeights = (
  definition: RankerDefinition,
  requested: Readonly<Record<string, number>> = {},
): Record<string, number> => {
  const { unknown, outside } = weightProblems(definition, requested, '/weights');
  if (unknown.length > 0)
    throw new WatchnextError('head_unknown', `Ranker ${definition.name} has no such head.`, {
      problems: [...unknown, ...outside],
    });
  if (outside.length > 0)
    throw new WatchnextError('weight_out_of_bounds', `Ranker ${definition.name} does not allow these weights.`, {
      problems: outside,
    });
  return Object.fromEntries(
    Object.keys(definition.tasks).map((task) => [task, requested[task] ?? definition.score.weights[task] ?? 0]),
  );
};
