import { nameHint } from '../nearest.js';
import type { Found } from './explain.js';
import type { FeatureDefinition, MetricDefinition, RankerDefinition } from './schema.js';
import { labelRules } from './stream.js';

/** How a metric is made of feedback, with nothing left out. */
export interface MetricRule {
  readonly name: string;
  /** Kinds of feedback. */
  readonly of: readonly string[];
  readonly take: 'count' | 'sum' | 'mean' | 'any';
  /** The mean over users, or the ratio of two means over users; `event` exactly where a mean is taken. */
  readonly per: 'user' | 'request' | 'impression' | 'event';
  /** Which counts when a shown item got several. */
  readonly several: 'each' | 'last' | 'largest';
  /** A candidate field that values are divided by. */
  readonly over: string | undefined;
  readonly direction: 'up' | 'down';
  /** Largest relative harm that is accepted. */
  readonly guardrail: number | undefined;
}

/**
 * The metrics of a ranker, as declared. Where none are: of each binary task how many items per user got it, of each
 * regression its sum per user if it is an amount (watching, or learned on a logarithm), else its mean; watch time per user;
 * and the part of the duration watched where a candidate feature reads a field `duration`.
 */
export const metricRules = (definition: RankerDefinition): readonly MetricRule[] => {
  const { metrics } = definition;
  return metrics === undefined
    ? derivedRules(definition)
    : Object.entries(metrics).map(([name, metric]) => declaredRule(name, metric));
};

const declaredRule = (name: string, metric: MetricDefinition): MetricRule => {
  const { of, take, several = 'each', over, direction, guardrail } = metric;
  const per = metric.per ?? (take === 'mean' ? 'event' : 'user');
  return { name, of: typeof of === 'string' ? [of] : of, take, per, several, over, direction, guardrail };
};

/** Kinds of feedback that nobody wants more of. */
const unwelcome: readonly string[] = ['dislike', 'dismiss'];
const watching = 'watch';
const durationField = 'duration';

const derivedRules = (definition: RankerDefinition): MetricRule[] => {
  const { tasks, score } = definition;
  const plain = { over: undefined, guardrail: undefined } as const;
  const ofTasks = labelRules(definition).map(({ task, on, take }): MetricRule => {
    const down = (score.weights[task] ?? 0) < 0 || on.every((kind) => unwelcome.includes(kind));
    const rule = { name: task, of: on, direction: down ? 'down' : 'up', ...plain } as const;
    if (tasks[task]?.kind === 'binary') return { ...rule, take: 'count', per: 'user', several: 'last' };
    const several = take === 'sum' ? 'each' : take;
    const amount = tasks[task]?.transform === 'log1p' || on.includes(watching);
    return amount ? { ...rule, take: 'sum', per: 'user', several } : { ...rule, take: 'mean', per: 'event', several };
  });
  const watch = ofTasks.find(({ of, take }) => of.includes(watching) && take === 'sum');
  const several = watch?.several ?? 'each';
  const of = watch?.of ?? [watching];
  const amount = { of, several, direction: 'up', ...plain } as const;
  const free = (name: string): boolean => !ofTasks.some((rule) => rule.name === name);
  const more: MetricRule[] = [];
  if (watch === undefined && free('watch_time')) more.push({ ...amount, name: 'watch_time', take: 'sum', per: 'user' });
  if (candidateFields(definition).includes(durationField) && free('completion'))
    more.push({ ...amount, name: 'completion', take: 'mean', per: 'event', over: durationField });
  return [...ofTasks, ...more];
};

/** Fields of candidates that a feature reads as they are: what an impression in the log has of them. */
const candidateFields = ({ features }: RankerDefinition): string[] =>
  Object.entries(features).flatMap(([name, feature]) => (feature.scope === 'candidate' ? fieldOf(name, feature) : []));

const fieldOf = (name: string, feature: FeatureDefinition): string[] => {
  switch (feature.kind) {
    case 'rate':
    case 'count':
      return [feature.key].flat();
    case 'history':
      return [];
    case 'time':
      return feature.from === undefined ? [] : [feature.from];
    case 'id':
    case 'category':
    case 'number':
    case 'ids':
    case 'vector':
      return [feature.from ?? name];
  }
};

/** Combinations that make no metric, and fields that no impression has. */
export const checkMetrics = (definition: RankerDefinition): Found[] =>
  Object.entries(definition.metrics ?? {}).flatMap(([name, { take, per, several, over }]): Found[] => {
    const path = ['metrics', name];
    const found: Found[] = [];
    if (take === 'mean' && per !== undefined && per !== 'event')
      found.push({
        path: [...path, 'per'],
        message: `a mean is per event, not per ${per}`,
        hint: `take: sum makes it an amount per ${per}; or leave per out`,
      });
    if (take !== 'mean' && per === 'event')
      found.push({
        path: [...path, 'per'],
        message: `per event there is nothing to ${take === 'sum' ? 'sum' : 'count'}`,
        hint: 'take: mean is the mean value of an event; others are per user, request or impression',
      });
    if (over !== undefined && (take === 'count' || take === 'any'))
      found.push({
        path: [...path, 'over'],
        message: `take: ${take} looks at no value that could be divided`,
        hint: 'take: sum or mean, or leave over out',
      });
    if (several !== undefined && take === 'any')
      found.push({
        path: [...path, 'several'],
        message: 'take: any is the same however often it happened',
        hint: 'leave several out',
      });
    const fields = [...new Set(candidateFields(definition))];
    if (over !== undefined && !fields.includes(over))
      found.push({
        path: [...path, 'over'],
        message: `no candidate feature reads the field "${over}", so the log does not have it`,
        hint: nameHint(over, fields),
      });
    return found;
  });
