import type { RankerDefinition } from '../../src/definition/index.js';
import type { EmbeddingTable, TableChanges } from '../../src/embeddings/index.js';
import { hashId } from '../../src/features/index.js';
import type { SeededRandom } from '../../src/random.js';

/** The table that holds a row per item, or per user; undefined where the definition has none. */
export const tableOfIds = ({ features }: RankerDefinition, field: 'item_id' | 'user_id'): string | undefined =>
  Object.entries(features).find(
    ([name, feature]) => feature.kind === 'id' && !('shares' in feature) && (feature.from ?? name) === field,
  )?.[0];

const deviation = 0.05;

/** Made-up rows for these ids. */
export const madeUpRows = (dim: number, ids: readonly string[], random: SeededRandom): TableChanges => {
  const keys = new Uint32Array(2 * ids.length);
  const values = new Float32Array(dim * ids.length);
  ids.forEach((id, at) => keys.set(hashId(id), 2 * at));
  for (let i = 0; i < values.length; i++) values[i] = deviation * (random.next() / 2 ** 31 - 1);
  return { keys, values, removed: new Uint32Array(0) };
};

const rowsAtOnce = 100_000;

/** Gives ids `<letter>0` to `<letter><count - 1>` rows; in parts, so that millions of them need no second copy. */
export const fillTable = (
  table: EmbeddingTable,
  { letter, count }: { readonly letter: string; readonly count: number },
  random: SeededRandom,
): void => {
  for (let from = 0; from < count; from += rowsAtOnce) {
    const ids = Array.from({ length: Math.min(rowsAtOnce, count - from) }, (_, at) => `${letter}${from + at}`);
    table.apply(madeUpRows(table.dim, ids, random));
  }
};
