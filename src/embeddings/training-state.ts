import { Averages } from './averages.js';
import type { Section, TableFile } from './file.js';
import { Gradients } from './gradients.js';
import { createOptimizer, type RowArray, type SparseOptimizer } from './optimizers.js';
import { moveRows } from './rows.js';
import { Sightings } from './sightings.js';
import type { TableOptions } from './types.js';

/** Four megabytes, a window of half a million sightings of ids without a row: see Sightings. */
const sightingCells = 2 ** 22;

/** What a table needs only while it learns. Every per-row array is listed once and grows, moves and is saved with the rest. */
export class TrainingState {
  readonly rate: number;
  readonly optimizer: SparseOptimizer;
  readonly gradients: Gradients;
  readonly averages: Averages | undefined;
  readonly sightings: Sightings | undefined;
  /** Second since the epoch at which each row's id was last seen. */
  readonly seen = { name: 'seen', width: 1, values: new Uint32Array(0) };
  private readonly arrays: readonly RowArray[];

  constructor(options: TableOptions) {
    const optimizer = options.optimizer ?? { kind: 'lazy_adam', rate: 0.001 };
    this.rate = optimizer.rate;
    this.optimizer = createOptimizer(optimizer, options.dim);
    this.gradients = new Gradients(options.dim);
    this.averages = options.averaging === undefined ? undefined : new Averages(options.dim, options.averaging);
    this.sightings = (options.minCount ?? 1) > 1 ? new Sightings(sightingCells) : undefined;
    this.arrays = [this.seen, ...this.optimizer.state, ...(this.averages?.state ?? [])];
  }

  get byteLength(): number {
    const rows = this.arrays.reduce((sum, { values }) => sum + values.byteLength, 0);
    return rows + this.gradients.byteLength + (this.sightings?.cells.byteLength ?? 0);
  }

  /** Room for this many rows. */
  reserve(capacity: number): void {
    if (this.seen.values.length >= capacity) return;
    for (const array of this.arrays) {
      const values = new (array.values.constructor as Float32ArrayConstructor)(capacity * array.width);
      values.set(array.values);
      array.values = values;
    }
    this.gradients.reserve(capacity);
  }

  /** All but when ids were seen and how often. */
  forget(): void {
    this.gradients.clear();
    for (const array of this.arrays) if (array !== this.seen) array.values.fill(0);
  }

  compact(keep: Int32Array, size: number): void {
    this.requireNoGradients();
    for (const { values, width } of this.arrays) {
      moveRows(values, values, { keep, width });
      values.fill(0, keep.length * width, size * width);
    }
  }

  sections(size: number): Section[] {
    this.requireNoGradients();
    const sections = this.arrays.map(({ name, values, width }) => ({ name, values: values.subarray(0, size * width) }));
    if (this.sightings === undefined) return sections;
    return [...sections, { name: 'sightings', values: this.sightings.words }];
  }

  restore(file: TableFile, size: number): void {
    for (const { name, values, width } of this.arrays) {
      const words = file.section(name, size * width);
      new Uint32Array(values.buffer).set(words);
    }
    this.sightings?.restore(file.section('sightings', this.sightings.words.length), file.header.sighted);
  }

  private requireNoGradients(): void {
    if (this.gradients.count > 0) throw new Error('Gradients are waiting for update(): call this between steps.');
  }
}
