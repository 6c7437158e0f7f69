import { labelRules, metricRules, type RankerDefinition } from '../definition/index.js';
import { feedbackKinds } from '../events/index.js';

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

const commonMeasures: Readonly<Record<string, FeedbackMeasure>> = { watch: 'seconds', rating: 'value' };
