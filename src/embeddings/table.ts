import { Changes } from './changes.js';
import { readTableFile, writeTableFile, type Section, type TableHeader } from './file.js';
import { keyWords, Rows } from './rows.js';
import { seedRow } from './seeding.js';
import { TrainingState } from './training-state.js';
import type {
  AccumulateOptions,
  EmbeddingReader,
  PoolOptions,
  RowInit,
  SharedMemory,
  TableChanges,
  TableHandle,
  TableOptions,
  TableSnapshot,
} from './types.js';

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
  /** Undefined until changes are taken for the first time: until then every row is one. */
  private changes: Changes | undefined;

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
    return this.rows.byteLength + (this.lazyTraining?.byteLength ?? 0) + (this.changes?.byteLength ?? 0);
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
    for (let place = 0; place < touched; place += 1) this.changes?.mark(gradients.touched[place] as number);
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
    this.changes?.compact(this.rows, keep.subarray(0, kept));
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

  /**
   * What became of the rows since this was called last: begun, updated, freed, as they are served; at the first call all
   * rows. Where averages are kept, a row counts until its average has reached it, some 16 / (1 - averaging) steps after it
   * was touched, so that who applies every change holds `averaged()` bit for bit. Call between steps.
   */
  takeChanges(): TableChanges {
    this.changes ??= this.allChanged();
    return this.changes.take(this.rows, this.lazyTraining?.averages, this.steps);
  }

  /** Counts these ids, [2n] (high, low) pairs, as changed; one without a row as removed. */
  markChanged(keys: Uint32Array): void {
    this.changes ??= this.allChanged();
    this.changes.markKeys(this.rows, keys);
  }

  /**
   * Takes over changes of the table that this one is a copy of. Only for tables that serve: not while another thread reads
   * it, and not where training state would have to change too.
   */
  apply({ keys, values, removed }: TableChanges): void {
    if (this.lazyTraining !== undefined)
      throw new Error('Changes are applied to tables that serve, not to taught ones.');
    const { rows, dim } = this;
    for (let key = 0; key < removed.length; key += 2) rows.remove(removed[key] as number, removed[key + 1] as number);
    for (let key = 0; key < keys.length; key += 2) {
      const high = keys[key] as number;
      const low = keys[key + 1] as number;
      const found = rows.find(high, low);
      const row = found < 0 ? rows.insert(high, low) : found;
      const from = (key / 2) * dim;
      rows.floats.set(values.subarray(from, from + dim), row * rows.stride + keyWords);
    }
  }

  /** A table with the same rows in memory of its own, without training state. */
  copy(memory?: SharedMemory): EmbeddingTable {
    const table = new EmbeddingTable(this.options, this.rows.copy(memory));
    table.epoch = this.epoch;
    table.steps = this.steps;
    return table;
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
   * on, it begins with fresh optimiser state. With it, the file also knows which changes were not taken yet. Call between
   * steps.
   */
  serialise({ training = true }: { readonly training?: boolean } = {}): Uint8Array {
    const sections = this.sections(training);
    return writeTableFile(this.header(sections), sections);
  }

  /**
   * A copy of all that `serialise` writes, for another thread to make a file of: only this copying holds up learning. The
   * memory of an earlier snapshot is used again where it is large enough.
   */
  snapshot(reuse?: Pick<TableSnapshot, 'words'>): TableSnapshot {
    const sections = this.sections(true);
    const needed = sections.reduce((sum, { values }) => sum + values.length, 0);
    const reused = reuse !== undefined && reuse.words.length >= needed;
    const words = reused ? reuse.words : new Uint32Array(needed);
    let at = 0;
    for (const { values } of sections) {
      words.set(new Uint32Array(values.buffer, values.byteOffset, values.length), at);
      at += values.length;
    }
    return { header: this.header(sections), words };
  }

  /** Reads what `serialise` wrote; refuses anything else with `artifact_damaged`, naming the table. */
  static parse(bytes: Uint8Array, name: string, memory?: SharedMemory): EmbeddingTable {
    const file = readTableFile(bytes, name);
    const { options, rows: size, epoch, steps } = file.header;
    const records = file.section('records', size * (keyWords + options.dim));
    const rows = Rows.empty(options.dim, size, memory);
    rows.adopt(records, size);
    const table = new EmbeddingTable(options, rows);
    table.epoch = epoch;
    table.steps = steps;
    if (file.header.sections.length > 1) table.training().restore(file, size);
    const changed = file.words(changedSection);
    if (changed !== undefined) {
      table.changes = new Changes();
      table.changes.reserve(rows.capacity);
      table.markChanged(file.section(changedSection, changed));
    }
    return table;
  }

  private sections(training: boolean): readonly Section[] {
    const { rows, size, changes } = this;
    const records = { name: 'records', values: rows.words.subarray(0, size * rows.stride) };
    if (!training) return [records];
    const state = this.training().sections(size);
    if (changes === undefined) return [records, ...state];
    return [records, ...state, { name: changedSection, values: changes.keys(rows) }];
  }

  private header(sections: readonly Section[]): TableHeader {
    const { options, size: rows, epoch, steps, lazyTraining } = this;
    const sighted = sections.length > 1 ? (lazyTraining?.sightings?.position ?? 0) : 0;
    const lengths = sections.map(({ name, values }) => ({ name, words: values.length }));
    return { options, rows, epoch, steps, sighted, sections: lengths };
  }

  private allChanged(): Changes {
    const changes = new Changes();
    changes.reserve(this.rows.capacity);
    for (let row = 0; row < this.size; row += 1) changes.mark(row);
    return changes;
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
    this.changes?.reserve(this.rows.capacity);
    this.begin(row);
    return row;
  }

  private begin(row: number): void {
    const { floats, words, stride, dim } = this.rows;
    const at = row * stride;
    const id = { high: words[at] as number, low: words[at + 1] as number };
    seedRow({ seed: this.options.seed, epoch: this.epoch, ...id }, this.init, { out: floats, at: at + keyWords, dim });
    this.training().averages?.begin(this.rows, row, this.steps);
    this.changes?.mark(row);
  }
}

const changedSection = 'changed';

/** Reads a table's file into shared memory from `memory`, new one if left out; `name` is what an error calls it. */
export function parseTable(bytes: Uint8Array, name = 'embedding table', memory?: SharedMemory): EmbeddingTable {
  return EmbeddingTable.parse(bytes, name, memory);
}

/** The file of a snapshot: byte for byte what `serialise` would have written at that moment. */
export function encodeTable({ header, words }: TableSnapshot): Uint8Array {
  let at = 0;
  const sections = header.sections.map(({ name, words: length }) => {
    at += length;
    return { name, values: words.subarray(at - length, at) };
  });
  return writeTableFile(header, sections);
}

/** Reads a shared table in any thread, without a copy. */
export function attachTable(handle: TableHandle): EmbeddingReader {
  return new Rows(handle);
}
