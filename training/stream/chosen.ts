import { streamSettings, type RankerDefinition } from '../../src/definition/index.js';

/** By experiment: the arm's key. */
export type Arms = Readonly<Record<string, string>>;

/** As people and definitions write them: experiment/arm. */
export const armNames = (arms: Arms): string[] =>
  Object.entries(arms).map(([experiment, arm]) => `${experiment}/${arm}`);

/**
 * What a row of a request in these arms counts in the loss, as `stream.arms` of the definition says; 0 for one that is not
 * learned.
 */
export const rowWeights = (definition: RankerDefinition): ((arms: Arms) => number) => {
  const { include, exclude, weights } = streamSettings(definition).arms;
  const [included, excluded] = [new Set(include), new Set(exclude)];
  const factors = new Map(Object.entries(weights));
  if (include === undefined && excluded.size === 0 && factors.size === 0) return () => 1;
  return (arms) => {
    const names = armNames(arms);
    if (include !== undefined && !names.some((name) => included.has(name))) return 0;
    if (names.some((name) => excluded.has(name))) return 0;
    return names.reduce((weight, name) => weight * (factors.get(name) ?? 1), 1);
  };
};

/** [rows, tasks] each row's weight for all of its tasks, on top of what is there; undefined where nothing is weighed. */
export const weighed = (
  weights: Float32Array | undefined,
  rows: { readonly ofRequests: readonly (readonly [rows: number, weight: number])[]; readonly tasks: number },
): Float32Array | undefined => {
  const { ofRequests, tasks } = rows;
  if (ofRequests.every(([, weight]) => weight === 1)) return weights;
  const all = weights ?? new Float32Array(ofRequests.reduce((sum, [count]) => sum + count, 0) * tasks).fill(1);
  let at = 0;
  for (const [count, weight] of ofRequests) {
    for (const end = at + count * tasks; at < end; at++) all[at] = (all[at] ?? 1) * weight;
  }
  return all;
};
