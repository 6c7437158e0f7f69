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
      this.write(rows, row, { step, out: this.means.values, at: row * rows.dim });
      this.since.values[row] = step;
    }
  }

  /** The average of every row at the end of `step`, [size, dim]. */
  settled(rows: Rows, step: number): Float32Array {
    const out = new Float32Array(rows.size * rows.dim);
    for (let row = 0; row < rows.size; row += 1) this.write(rows, row, { step, out, at: row * rows.dim });
    return out;
  }

  /** One row's average at the end of `step` into out[at .. at + dim); answers whether it is the row itself, and stays so. */
  write(rows: Rows, row: number, { step, out, at }: { step: number; out: Float32Array; at: number }): boolean {
    const behind = step - (this.since.values[row] as number);
    const keep = this.decay ** behind;
    const { floats, dim, stride } = rows;
    const values = this.means.values;
    const from = row * stride + keyWords;
    let reached = true;
    for (let column = 0; column < dim; column += 1) {
      const value = floats[from + column] as number;
      const mean = values[row * dim + column] as number;
      out[at + column] = behind === 0 ? mean : value + (mean - value) * keep;
      if (out[at + column] !== value) reached = false;
    }
    return reached;
  }
}
