import { fieldOf, type FeatureDefinition, type RankerDefinition } from './definition/index.js';
import type { Fields } from './features/index.js';
import type { SeededRandom } from './random.js';

/** Fields of every kind that a ranker reads, of nobody and nothing. */
export interface MadeUp {
  readonly user: Fields;
  readonly context: Fields;
  readonly candidate: Fields;
}

const dayMs = 86_400_000;

/** Values that the features of a definition can use, drawn anew at each call; ids are those of nobody and nothing. */
export const madeUpFields = (definition: RankerDefinition, random: SeededRandom, now: number): MadeUp => {
  const fields: Record<keyof MadeUp, Record<string, Fields[string]>> = { user: {}, context: {}, candidate: {} };
  for (const [name, feature] of Object.entries(definition.features)) {
    const value = valueOf(feature, random, now);
    if (value !== undefined) fields[feature.scope][fieldOf(name, feature)] = value;
    if (!('key' in feature)) continue;
    for (const key of [feature.key ?? []].flat()) fields[feature.scope][key] ??= idOf(random);
  }
  return { user: sendable(fields.user), context: sendable(fields.context), candidate: sendable(fields.candidate) };
};

/** Without what the service fills in itself. */
const sendable = (fields: Record<string, Fields[string]>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'user_id' && name !== 'item_id'));

const idOf = (random: SeededRandom): string => `made up ${random.below(1000)}`;

const valueOf = (feature: FeatureDefinition, random: SeededRandom, now: number): Fields[string] | undefined => {
  switch (feature.kind) {
    case 'id':
      return idOf(random);
    case 'category':
      return feature.values?.[random.below(feature.values.length)] ?? idOf(random);
    case 'number': {
      const { min = 0, max = min + 100 } = feature;
      return min + ((max - min) * random.below(1000)) / 1000;
    }
    case 'time':
      return feature.unit === 'age' ? now - random.below(dayMs) : undefined;
    case 'ids':
      return Array.from({ length: 1 + random.below(4) }, () => idOf(random));
    case 'vector':
      return Array.from({ length: feature.width }, () => random.below(1000) / 1000);
    case 'history':
    case 'rate':
    case 'count':
      return undefined;
  }
};
