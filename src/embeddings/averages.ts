import type { Gradients } from './gradients.js';
import type { RowArray } from './optimizers.js';
import { keyWords, type Rows } from './rows.js';

/**
 * A moving average of every row, average ← decay · average + (1 − decay) · row once per step, at the cost of the touched
 * rows only: a row that is not touched does not move, so k steps at once are average ← row + (average − row) · decayᵏ.
 */
export class Averages {
  readonly state: readonly RowArray[];
  private readonly decay: number;
  private readonly means: { name: string; width: number; values: Float32Array };
  private readonly since = { name: 'average/since', width: 1, values: new Uint32Array(0) };

  constructor(dim: number, decay: number) {
    this.decay = decay;
    this.means = { name: 'average/rows', width: dim, values: new Float32Array(0) };
    this.state = [this.means, this.since];
  }

  /** A new row's average begins at the row itself. */
  begin(rows: Rows, row: number, step: number): void {
    const at = row * rows.stride + keyWords;
    this.means.values.set(rows.floats.subarray(at, at + rows.dim), row * rows.dim);
    this.since.values[row] = step;
  }

  /** Brings the touched rows' averages up to the end of `step`; call before the rows move in the step after it. */
  catchUp(rows: Rows, { touched, count }: Gradients, step: number): void {
    for (let place = 0; place < count; place += 1) {
      const row = touched[place] as number;
      this.settle(rows, row, step, this.means.values);
      this.since.values[row] = step;
    }
  }

  /** The average of every row at the end of `step`, [size, dim]. */
  settled(rows: Rows, step: number): Float32Array {
    const means = this.means.values.slice(0, rows.size * rows.dim);
    for (let row = 0; row < rows.size; row += 1) this.settle(rows, row, step, means);
    return means;
  }

  private settle(rows: Rows, row: number, step: number, means: Float32Array): void {
    const behind = step - (this.since.values[row] as number);
    if (behind === 0) return;
    const keep = this.decay ** behind;
    const { floats, dim, stride } = rows;
    const at = row * stride + keyWords;
    for (let column = 0; column < dim; column += 1) {
      const value = floats[at + column] as number;
      means[row * dim + column] = value + ((means[row * dim + column] as number) - value) * keep;
    }
  }
}
