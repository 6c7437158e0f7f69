import { labelRules, streamSettings, type RankerDefinition } from '../definition/index.js';
import type { FeatureState } from '../features/index.js';

/**
 * What the state of a definition's features is made by: two definitions of the same shape make the same state of the same
 * log, so that their versions can share it. Names of stateful features come from the state itself.
 */
export function shapeOf(definition: RankerDefinition, state: FeatureState): string {
  const { name, features, tasks, training } = definition;
  const { outOfOrderMs, lateForMs } = streamSettings(definition);
  return JSON.stringify({
    name,
    features: [...state.sizes().keys()].map((feature) => [feature, features[feature]]),
    tasks: Object.entries(tasks).map(([task, { kind, transform, when }]) => [task, kind, transform, when]),
    labels: labelRules(definition),
    delay: training?.feedback_delay,
    timezone: training?.timezone,
    outOfOrderMs,
    lateForMs,
  });
}
