import { hashId } from '../hash.js';

/** Puts a quantile within 0.4 % of its rank. */
const sampleRows = 16_384;

/**
 * A uniform sample of at most 16,384 rows of a stream of unknown length (Vitter's algorithm R), the same for the same
 * stream: its random numbers are seeded by a name.
 */
export class Reservoir {
  readonly width: number;
  readonly #rows: Float32Array;
  #seen = 0;
  #state: number;

  constructor(options: { name: string; width: number }) {
    this.width = options.width;
    this.#rows = new Float32Array(sampleRows * options.width);
    this.#state = hashId(options.name)[1];
  }

  /** Takes the row values[at .. at + width). */
  add(values: Float32Array, at: number): void {
    const seen = this.#seen++;
    const place = seen < sampleRows ? seen : Math.floor(this.#random() * this.#seen);
    if (place >= sampleRows) return;
    for (let i = 0; i < this.width; i++) this.#rows[place * this.width + i] = values[at + i] ?? Number.NaN;
  }

  /** [rows, width] of the sample. */
  sample(): Float32Array {
    return this.#rows.subarray(0, Math.min(this.#seen, sampleRows) * this.width);
  }

  /** Uniform in [0, 1) (mulberry32). */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
