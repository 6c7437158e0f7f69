import type { FeatureDefinition } from './schema.js';

/** The field that a feature is read from: the one it names, or that of its own name. */
export const fieldOf = (name: string, feature: FeatureDefinition): string =>
  'from' in feature ? (feature.from ?? name) : name;
