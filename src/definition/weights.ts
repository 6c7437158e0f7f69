import type { Problem } from '../errors.js';
import { nameHint } from '../nearest.js';
import type { RankerDefinition } from './schema.js';

/** What may be asked for where the definition declares no bounds for a head. */
const defaultBounds: readonly [number, number] = [-10, 10];

/** From where to where the weight of a head may be set. */
const weightBounds = ({ score }: RankerDefinition, head: string): readonly [number, number] =>
  score.bounds?.[head] ?? defaultBounds;

/** What is wrong with weights that somebody wants in place of the definition’s; `path` is where they stand. */
export const weightProblems = (
  definition: RankerDefinition,
  weights: Readonly<Record<string, number>>,
  path: string,
): { readonly unknown: readonly Problem[]; readonly outside: readonly Problem[] } => {
  const heads = Object.keys(definition.tasks);
  const unknown: Problem[] = [];
  const outside: Problem[] = [];
  for (const [head, weight] of Object.entries(weights)) {
    const at = `${path}/${head}`;
    if (!heads.includes(head)) {
      unknown.push({ path: at, message: `${head} is not a head`, hint: nameHint(head, heads) });
      continue;
    }
    const [least, most] = weightBounds(definition, head);
    if (!(weight >= least && weight <= most))
      outside.push({ path: at, message: `${weight} is not allowed`, hint: `from ${least} to ${most}` });
  }
  return { unknown, outside };
};
