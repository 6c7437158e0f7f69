import { createHash } from 'node:crypto';
import type { Bags, EmbeddingReader } from '../../src/embeddings/index.js';

/** Any 64-bit hash will do for a test: the table is told the hash, it never makes one. */
export function keyOf(id: string | number): [high: number, low: number] {
  const digest = createHash('sha256').update(String(id)).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

export function keysOf(ids: readonly (string | number)[]): Uint32Array {
  return Uint32Array.from(ids.flatMap(keyOf));
}

export function bagsOf(bags: readonly (readonly (string | number)[])[]): Bags {
  const offsets = Int32Array.from([0, ...bags.map((_, bag) => bags.slice(0, bag + 1).flat().length)]);
  return { offsets, keys: keysOf(bags.flat()) };
}

/** One row per id, read through the public `pool`. */
export function rowsOf(table: EmbeddingReader, ids: readonly (string | number)[]): number[][] {
  const out = new Float32Array(ids.length * table.dim);
  table.pool({ ...bagsOf(ids.map((id) => [id])), out, stride: table.dim, offset: 0 });
  return ids.map((_, row) => [...out.subarray(row * table.dim, (row + 1) * table.dim)]);
}
