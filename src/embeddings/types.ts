/**
 * A growable embedding table: one row of `dim` float32 per admitted id, found by the id's 64-bit hash.
 * Rows live in shared memory, so that a table can be attached read-only from other threads without a copy.
 */
export interface EmbeddingReader {
  readonly dim: number;
  /**
   * Adds the mean of each bag's rows into `out` at `out[i * stride + offset ..]`, i < bags. Ids without a row count as
   * zero vectors and still divide the mean's denominator only if `countUnknown`; an empty bag writes nothing.
   * `keys` are (high, low) pairs as in a keys Column.
   */
  pool(options: PoolOptions): void;
}

export interface PoolOptions {
  readonly offsets: Int32Array;
  readonly keys: Uint32Array;
  readonly out: Float32Array;
  readonly stride: number;
  readonly offset: number;
}
