import type { RankerDefinition } from '../../definition/index.js';

/** The fields of outcomes that a ranker's state looks at, wherever they lie; none if it has no stateful feature. */
export function fieldsOfState({ features }: RankerDefinition): ReadonlySet<string> {
  const fields = new Set<string>();
  for (const feature of Object.values(features)) {
    if (feature.kind !== 'history' && feature.kind !== 'rate' && feature.kind !== 'count') continue;
    for (const key of [feature.key ?? 'user_id'].flat()) fields.add(key);
    if (feature.kind === 'history') fields.add(feature.of);
  }
  return fields;
}
