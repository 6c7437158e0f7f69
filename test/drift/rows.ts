import type { Column, FeatureBatch } from '../../src/features/index.js';

type Named<T> = Readonly<Record<string, readonly T[]>>;

/** Rows of one request with these candidate features: numbers, and ids as the last words of their hashes. */
export const rowsOf = (
  rows: number,
  numbers: Named<number>,
  ids: Named<readonly number[]> = {},
): { readonly batch: FeatureBatch } => {
  const columns = new Map<string, Column>();
  for (const [name, values] of Object.entries(numbers))
    columns.set(name, { side: 'candidate', type: 'numbers', width: 1, values: Float32Array.from(values) });
  for (const [name, bags] of Object.entries(ids)) {
    const offsets = new Int32Array(bags.length + 1);
    bags.forEach((bag, i) => (offsets[i + 1] = (offsets[i] ?? 0) + bag.length));
    columns.set(name, {
      side: 'candidate',
      type: 'keys',
      offsets,
      keys: Uint32Array.from(bags.flat().flatMap((low) => [7, low])),
    });
  }
  return { batch: { requests: 1, rows, requestOf: new Int32Array(rows), columns } };
};
