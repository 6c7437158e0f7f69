import type { RankerDefinition } from '../definition/index.js';
import type { Feature } from './feature.js';
import { createFeature } from './kinds/registry.js';
import type { Side } from './types.js';

export interface CompiledFeature {
  readonly name: string;
  readonly side: Side;
  readonly feature: Feature;
}

/** The features of a definition, in its order. */
export function compileFeatures(definition: RankerDefinition): CompiledFeature[] {
  return Object.entries(definition.features).map(([name, feature]) => ({
    name,
    side: feature.scope === 'candidate' ? 'candidate' : 'request',
    feature: createFeature(name, feature, definition),
  }));
}
