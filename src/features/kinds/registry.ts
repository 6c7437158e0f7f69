import type { FeatureDefinition, FeatureKindName, RankerDefinition } from '../../definition/index.js';
import type { Feature, FeatureKind } from '../feature.js';
import { category } from './category.js';
import { count } from './count.js';
import { history } from './history.js';
import { id } from './id.js';
import { ids } from './ids.js';
import { number } from './number.js';
import { rate } from './rate.js';
import { time } from './time.js';
import { vector } from './vector.js';

/** Every kind of feature. A new one is a file beside these, a line here and its keys in the definition's schema. */
const kinds: { readonly [K in FeatureKindName]: FeatureKind<K> } = {
  id,
  category,
  number,
  time,
  ids,
  vector,
  history,
  rate,
  count,
};

export function createFeature(name: string, definition: FeatureDefinition, ranker: RankerDefinition): Feature {
  // The registry maps each kind name to the kind of that name, which TypeScript cannot follow through a union.
  const kind = kinds[definition.kind] as FeatureKind<FeatureKindName>;
  return kind({ name, scope: definition.scope, definition, ranker });
}
