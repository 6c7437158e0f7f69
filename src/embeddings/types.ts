import type { TableHeader } from './file.js';

/**
 * A growable embedding table: one row of `dim` float32 per admitted id, found by the id's 64-bit hash.
 * Rows live in shared memory, so that a table can be attached read-only from other threads without a copy.
 */
export interface EmbeddingReader {
  readonly dim: number;
  /** Rows held, one per admitted id. */
  readonly size: number;
  /**
   * Adds the mean of each bag's rows into `out` at `out[i * stride + offset ..]`, i < bags. An id without a row counts as
   * a zero vector: it adds nothing but is part of the mean's denominator. An empty bag writes nothing.
   */
  pool(options: PoolOptions): void;
}

/** Bags of ids: bag i is `keys[2 * offsets[i] .. 2 * offsets[i + 1]]` as (high, low) pairs of 64-bit hashes. */
export interface Bags {
  readonly offsets: Int32Array; // [bags + 1]
  readonly keys: Uint32Array; // [2 * ids]
}

export interface PoolOptions extends Bags {
  readonly out: Float32Array; // [bags, stride]
  readonly stride: number;
  /** First column of `out` that belongs to this table. */
  readonly offset: number;
}

export interface AccumulateOptions extends Bags {
  /** [bags, stride] gradient of the loss with respect to what `pool` wrote. */
  readonly gradient: Float32Array;
  readonly stride: number;
  readonly offset: number;
}

/** How an admitted id's row begins: a function of (seed, epoch, id, column), never of the order in which ids arrive. */
export interface RowInit {
  readonly kind: 'normal' | 'uniform';
  /** Standard deviation of the values; a uniform draw spans ±deviation·√3. */
  readonly deviation: number;
}

/**
 * What a touched row x with summed gradient g does in one step at learning rate r (`rate` times the step's factor):
 *
 * - rowwise_adagrad keeps one number a per row:  a ← a + mean(g²);  x ← x − r·g / (√a + 1e-10)
 * - lazy_adam keeps m, v per number and t per row, and moves them only when the row is touched:
 *   t ← t + 1;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  x ← x − r·(m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + 1e-8)
 *   with β₁ = 0.9 and β₂ = 0.999 unless given.
 */
export type SparseOptimizerOptions =
  | { readonly kind: 'rowwise_adagrad'; readonly rate: number }
  | { readonly kind: 'lazy_adam'; readonly rate: number; readonly beta1?: number; readonly beta2?: number };

export interface TableOptions {
  readonly dim: number;
  readonly seed: number;
  /** Normal with deviation 0.01 if left out. */
  readonly init?: RowInit;
  /** Lazy Adam at rate 0.001 if left out. */
  readonly optimizer?: SparseOptimizerOptions;
  /** L2 penalty: adds `penalty · row` to the gradient of each touched row, each step. */
  readonly penalty?: number;
  /** Sightings before an id gets a row; 1 if left out. */
  readonly minCount?: number;
  /** Rows not seen for longer than this are freed by `expire`. */
  readonly expireMs?: number;
  /** Decay per step of a moving average of the rows, kept beside them; `averaged()` answers it. */
  readonly averaging?: number;
}

/** What another thread needs to read a table: structured-cloneable, the buffers are shared and not copied. */
export interface TableHandle {
  readonly dim: number;
  readonly size: number;
  readonly slots: SharedArrayBuffer;
  readonly records: SharedArrayBuffer;
}

/** Where shared memory comes from: zeros, as many bytes as asked for or more; exactly as many where they are a power of two. */
export type SharedMemory = (bytes: number) => SharedArrayBuffer;

/** What became of some ids of a table; an id is in one of the lists at most. */
export interface TableChanges {
  /** [2n] (high, low) pairs of ids with new values. */
  readonly keys: Uint32Array;
  /** [n, dim] their rows as they are served: averages where they are kept. */
  readonly values: Float32Array;
  /** [2m] ids that have no row any more. */
  readonly removed: Uint32Array;
}

/**
 * A copy of a table with all that learning needs, in one buffer: structured-cloneable, and transferable by
 * `words.buffer`. Only {@link encodeTable} reads it.
 */
export interface TableSnapshot {
  readonly header: TableHeader;
  /** The sections one after the other; may be longer than they are together. */
  readonly words: Uint32Array<ArrayBuffer>;
}
