import type { Feature, FeatureKind } from '../feature.js';
import { oneHot } from '../one-hot.js';
import { addId, fieldReader, isMissing, textOf } from '../fields.js';
import { tableUse } from '../tables.js';
import type { FieldValue } from '../types.js';

/** A category: one-hot over listed values (missing or unlisted: zeros), or embedded like an id when they are open. */
export const category: FeatureKind<'category'> = ({ name, scope, definition }): Feature => {
  const read = fieldReader(scope, definition.from ?? name);
  if (definition.values === undefined) {
    return {
      type: 'keys',
      fromFields: true,
      table: tableUse(name, definition),
      reader:
        ({ counter }) =>
        (entry, keys) => {
          const result = addId(read(entry), keys);
          if (result !== 'added') counter[result]++;
        },
    };
  }
  const indices = new Map(definition.values.map((value, index) => [String(value), index]));
  return {
    type: 'numbers',
    fromFields: true,
    width: 1,
    reader:
      ({ counter }) =>
      (entry, out, at) => {
        const value = read(entry);
        const index = indexOf(value, indices);
        if (index === undefined) counter[isMissing(value) ? 'missing' : 'unknown']++;
        out[at] = index ?? Number.NaN;
      },
    encodedWidth: indices.size,
    encoder: () => oneHot(indices.size),
  };
};

function indexOf(value: FieldValue, indices: ReadonlyMap<string, number>): number | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : indices.get(text);
}
