import type { RankerDefinition } from '../definition/index.js';
import type { FeatureCounter, FeatureCounters } from './types.js';

export const noCounts = (): FeatureCounter => ({ missing: 0, unknown: 0, outOfRange: 0 });

/** One counter per feature, all zero; a reader adds to them, a service exports them. */
export function createFeatureCounters(definition: RankerDefinition): FeatureCounters {
  return new Map(Object.keys(definition.features).map((name) => [name, noCounts()]));
}
