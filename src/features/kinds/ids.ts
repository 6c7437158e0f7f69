import type { FeatureKind } from '../feature.js';
import { addId, fieldReader, isList, isMissing } from '../fields.js';
import { tableUse } from '../tables.js';
import type { FieldValue } from '../types.js';

/** A list of ids (an array, or a text with spaces or commas between), the last n of it embedded and averaged. */
export const ids: FeatureKind<'ids'> = ({ name, scope, definition }) => {
  const last = definition.last ?? 50;
  return {
    type: 'keys',
    fromFields: true,
    table: tableUse(name, definition),
    reader({ counter }) {
      const read = fieldReader(scope, definition.from ?? name);
      return (entry, keys) => {
        const value = read(entry);
        const list = listOf(value);
        if (list.length === 0) counter[isMissing(value) || typeof value === 'object' ? 'missing' : 'unknown']++;
        for (let i = Math.max(0, list.length - last); i < list.length; i++) {
          if (addId(list[i], keys) === 'unknown') counter.unknown++;
        }
      };
    },
  };
};

/** A single number is a list of one. */
function listOf(value: FieldValue): ArrayLike<FieldValue> {
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((part) => part !== '');
  if (isList(value)) return value;
  return typeof value === 'number' && !Number.isNaN(value) ? [value] : [];
}
