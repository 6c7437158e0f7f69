import { readTableFile, writeTableFile } from './file.js';
import { keyWords, Rows } from './rows.js';
import { seedRow } from './seeding.js';
import { TrainingState } from './training-state.js';
import type { AccumulateOptions, EmbeddingReader, PoolOptions, RowInit, TableHandle, TableOptions } from './types.js';

/**
 * One embedding table: `pool` reads it; `admit`, `accumulate` and `update` teach it, once each per training step. What
 * only training needs (optimiser state, last-seen times, sightings) is allocated when training begins.
 *
 * The result of a sequence of calls is bit-identical whenever the sequence is, also across `serialise` and `parseTable`.
 */
export class EmbeddingTable implements EmbeddingReader {
  readonly dim: number;
  readonly options: TableOptions;
  private readonly rows: Rows;
  private readonly init: RowInit;
  private epoch = 0;
  private steps = 0;
  private lazyTraining: TrainingState | undefined;

  /** `rows` are kept, not copied; without them the table begins empty. */
  constructor(options: TableOptions, rows: Rows = Rows.empty(options.dim)) {
    this.dim = options.dim;
    this.options = options;
    this.rows = rows;
    this.init = options.init ?? { kind: 'normal', deviation: 0.01 };
  }

  get size(): number {
    return this.rows.size;
  }

  /** Bytes held, slack for growth and training state included. */
  get byteLength(): number {
    return this.rows.byteLength + (this.lazyTraining?.byteLength ?? 0);
  }

  pool(options: PoolOptions): void {
    this.rows.pool(options);
  }

  /**
   * Tells the table that these ids, (high, low) pairs, were met: every entry is one sighting. Ids with enough sightings
   * get a row; ids that have one are marked as seen now.
   */
  admit(keys: Uint32Array, nowMs: number): void {
    const { sightings, seen } = this.training();
    const now = Math.floor(nowMs / 1000);
    const needed = this.options.minCount ?? 1;
    for (let key = 0; key < keys.length; key += 2) {
      const high = keys[key] as number;
      const low = keys[key + 1] as number;
      let row = this.rows.find(high, low);
      if (row < 0) {
        if (sightings !== undefined && sightings.count(high, low) < needed) continue;
        row = this.insert(high, low);
      }
      seen.values[row] = now;
    }
  }

  /** Adds the gradient of a `pool` with the same bags to the sums that the next `update` applies. */
  accumulate(options: AccumulateOptions): void {
    this.training().gradients.add(this.rows, options);
  }

  /** One optimiser step at `rate · rateFactor` for every row touched since the last; answers how many those were. */
  update(rateFactor: number): number {
    const { optimizer, gradients, averages, rate } = this.training();
    const touched = gradients.count;
    if (this.options.penalty !== undefined) gradients.addPenalty(this.rows, this.options.penalty);
    averages?.catchUp(this.rows, gradients, this.steps);
    optimizer.step(this.rows, gradients, rate * rateFactor);
    gradients.clear();
    this.steps += 1;
    return touched;
  }

  /** Keeps the ids, begins their rows anew (other numbers for every epoch) and forgets all optimiser state. */
  reinitialise(epoch: number): void {
    this.epoch = epoch;
    this.training().forget();
    for (let row = 0; row < this.size; row += 1) this.begin(row);
  }

  /** Frees the rows of ids not seen for longer than `expireMs`, for reuse; answers how many. Call between steps. */
  expire(nowMs: number): number {
    if (this.options.expireMs === undefined) return 0;
    const training = this.training();
    const { size } = this;
    const oldest = Math.floor((nowMs - this.options.expireMs) / 1000);
    const keep = new Int32Array(size);
    let kept = 0;
    for (let row = 0; row < size; row += 1) if ((training.seen.values[row] as number) >= oldest) keep[kept++] = row;
    if (kept === size) return 0;
    training.compact(keep.subarray(0, kept), size);
    this.rows.compact(keep.subarray(0, kept));
    return size - kept;
  }

  /** The table of the moving averages (`options.averaging`), for serving; a copy. */
  averaged(): EmbeddingTable {
    const { averages } = this.training();
    if (averages === undefined) throw new Error('The table keeps no averages: options.averaging is not set.');
    const rows = this.rows.copy();
    const means = averages.settled(this.rows, this.steps);
    for (let row = 0; row < rows.size; row += 1) {
      rows.floats.set(means.subarray(row * this.dim, (row + 1) * this.dim), row * rows.stride + keyWords);
    }
    return new EmbeddingTable(this.options, rows);
  }

  /** Copies of all ids [2 * size] and their rows [size, dim], in row order. */
  contents(): { readonly keys: Uint32Array; readonly values: Float32Array } {
    const { words, floats, stride, size, dim } = this.rows;
    const keys = new Uint32Array(2 * size);
    const values = new Float32Array(dim * size);
    for (let row = 0; row < size; row += 1) {
      keys.set(words.subarray(row * stride, row * stride + keyWords), 2 * row);
      values.set(floats.subarray(row * stride + keyWords, (row + 1) * stride), row * dim);
    }
    return { keys, values };
  }

  /**
   * What other threads attach to. The handle is of this moment: later growth, expiry and new ids do not reach it, later
   * updates of its rows may or may not, torn. Share tables that are no longer taught.
   */
  share(): TableHandle {
    return this.rows.handle();
  }

  /**
   * The table as a file, described in docs/artifact.md. Without training state it is smaller and serves the same; taught
   * on, it begins with fresh optimiser state. Call between steps.
   */
  serialise({ training = true }: { readonly training?: boolean } = {}): Uint8Array {
    const { rows, size, epoch, steps, options } = this;
    const records = { name: 'records', values: rows.words.subarray(0, size * rows.stride) };
    if (!training) return writeTableFile({ options, rows: size, epoch, steps, sighted: 0 }, [records]);
    const state = this.training();
    return writeTableFile({ options, rows: size, epoch, steps, sighted: state.sightings?.position ?? 0 }, [
      records,
      ...state.sections(size),
    ]);
  }

  /** Reads what `serialise` wrote; refuses anything else with `artifact_damaged`, naming the table. */
  static parse(bytes: Uint8Array, name: string): EmbeddingTable {
    const file = readTableFile(bytes, name);
    const { options, rows: size, epoch, steps } = file.header;
    const records = file.section('records', size * (keyWords + options.dim));
    const rows = Rows.empty(options.dim, size);
    rows.adopt(records, size);
    const table = new EmbeddingTable(options, rows);
    table.epoch = epoch;
    table.steps = steps;
    if (file.header.sections.length > 1) table.training().restore(file, size);
    return table;
  }

  private training(): TrainingState {
    if (this.lazyTraining === undefined) {
      this.lazyTraining = new TrainingState(this.options);
      this.lazyTraining.reserve(this.rows.capacity);
      for (let row = 0; row < this.size; row += 1) this.lazyTraining.averages?.begin(this.rows, row, this.steps);
    }
    return this.lazyTraining;
  }

  private insert(high: number, low: number): number {
    const row = this.rows.insert(high, low);
    this.training().reserve(this.rows.capacity);
    this.begin(row);
    return row;
  }

  private begin(row: number): void {
    const { floats, words, stride, dim } = this.rows;
    const at = row * stride;
    const id = { high: words[at] as number, low: words[at + 1] as number };
    seedRow({ seed: this.options.seed, epoch: this.epoch, ...id }, this.init, { out: floats, at: at + keyWords, dim });
    this.training().averages?.begin(this.rows, row, this.steps);
  }
}

/** Reads a table's file; `name` is what an error calls it. */
export function parseTable(bytes: Uint8Array, name = 'embedding table'): EmbeddingTable {
  return EmbeddingTable.parse(bytes, name);
}

/** Reads a shared table in any thread, without a copy. */
export function attachTable(handle: TableHandle): EmbeddingReader {
  return new Rows(handle);
}
