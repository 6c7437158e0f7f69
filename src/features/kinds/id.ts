import type { FeatureKind } from '../feature.js';
import { addId, fieldReader } from '../fields.js';
import { tableUse } from '../tables.js';

/** One id, embedded. Missing: an empty bag, which encodes as zeros. */
export const id: FeatureKind<'id'> = ({ name, scope, definition }) => ({
  type: 'keys',
  fromFields: true,
  table: tableUse(name, definition),
  reader({ counter }) {
    const read = fieldReader(scope, definition.from ?? name);
    return (entry, keys) => {
      const result = addId(read(entry), keys);
      if (result !== 'added') counter[result]++;
    };
  },
});
