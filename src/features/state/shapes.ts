import type { RankerDefinition } from '../../definition/index.js';
import { compileFeatures } from '../compile.js';
import type { StateShape } from '../feature.js';

/** The features of a ranker that keep state, in the order of the definition. */
export const statefulFeatures = (definition: RankerDefinition): { name: string; shape: StateShape }[] =>
  compileFeatures(definition).flatMap(({ name, feature }) =>
    feature.state === undefined ? [] : [{ name, shape: feature.state }],
  );
