import { labelRules, streamSettings, type RankerDefinition } from '../definition/index.js';
import { statefulFeatures } from '../features/index.js';

/**
 * What the state of a definition's features is made by: two definitions of the same shape make the same state of the same
 * log, so that their versions can share it. Undefined where there is nothing to remember.
 */
export function shapeOf(definition: RankerDefinition): string | undefined {
  const { name, features, tasks, training } = definition;
  const { outOfOrderMs, lateForMs } = streamSettings(definition);
  const stateful = statefulFeatures(definition);
  if (stateful.length === 0) return undefined;
  return JSON.stringify({
    name,
    features: stateful.map((feature) => [feature.name, features[feature.name]]),
    tasks: Object.entries(tasks).map(([task, { kind, transform, when }]) => [task, kind, transform, when]),
    labels: labelRules(definition),
    delay: training?.feedback_delay,
    timezone: training?.timezone,
    outOfOrderMs,
    lateForMs,
  });
}
