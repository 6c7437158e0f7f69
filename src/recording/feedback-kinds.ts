import { labelRules, metricRules, type RankerDefinition } from '../definition/index.js';
import { feedbackKinds } from '../events/index.js';
import { nameHint } from '../nearest.js';

/** What a kind of feedback must come with. */
export type FeedbackMeasure = 'seconds' | 'value' | undefined;

/**
 * Every kind that may be sent: the common ones, and those of which a served ranker makes labels or metrics. One that only
 * regressions, or only sums and means, are made of must come with a value.
 */
export const knownFeedback = (definitions: readonly RankerDefinition[]): ReadonlyMap<string, FeedbackMeasure> => {
  const kinds = new Map<string, FeedbackMeasure>();
  for (const definition of definitions)
    for (const { task, on } of labelRules(definition))
      for (const kind of on) {
        const regression = definition.tasks[task]?.kind === 'regression';
        const elsewhere = kinds.has(kind) ? kinds.get(kind) : 'value';
        kinds.set(kind, regression ? elsewhere : undefined);
      }
  const labelled = new Set(kinds.keys());
  for (const definition of definitions)
    for (const { of, take } of metricRules(definition))
      for (const kind of of.filter((each) => !labelled.has(each))) {
        const elsewhere = kinds.has(kind) ? kinds.get(kind) : 'value';
        kinds.set(kind, take === 'sum' || take === 'mean' ? elsewhere : undefined);
      }
  for (const kind of feedbackKinds) kinds.set(kind, commonMeasures[kind]);
  return kinds;
};

/** What to send in place of a kind that nothing is made of: what the task of that name learns from, else the nearest kind. */
export const kindHint = (kind: string, definitions: readonly RankerDefinition[]): string => {
  const meant = definitions.flatMap(labelRules).find(({ task }) => task === kind);
  return meant === undefined
    ? nameHint(kind, [...knownFeedback(definitions).keys()])
    : `the task ${kind} learns from ${meant.on.join(' or ')}: send that`;
};

const commonMeasures: Readonly<Record<string, FeedbackMeasure>> = { watch: 'seconds', rating: 'value' };
