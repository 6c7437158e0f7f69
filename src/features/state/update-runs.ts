/** The same change of a cell, told so many times on end; the update begins at `at` of `update`. */
export interface UpdateRun {
  time: number;
  high: number;
  low: number;
  count: number;
  update: Float64Array;
  /** The same memory: numbers are kept bit for bit, and no engine promises that of a NaN that it has looked at. */
  bits: Uint32Array;
  at: number;
}

export const bitsOf = ({ buffer, byteOffset, length }: Float64Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, 2 * length);

/** Runs that fit without growing, where nothing is known of how many will come. */
const fewRuns = 1024;

/**
 * Changes in the order in which they were told. All rows of a list change a cell of the user's in the same way, and nearly all
 * rows of nearly all lists change theirs as rows do that nothing has happened to: so what is told again is counted, and an
 * update is kept once for all that follow with the same. 24 bytes a run, where records take 8 for each of their numbers.
 */
export class UpdateRuns {
  readonly #width: number;
  #times = new Float64Array(0); // [runs]
  #keys = new Uint32Array(0); // [runs, 2] high, low
  #counts = new Uint32Array(0); // [runs]
  #updateOf = new Uint32Array(0); // [runs] row of updates
  #updates = new Float64Array(0); // [updates, width]
  #bits = bitsOf(this.#updates);
  #runs = 0;
  #updateCount = 0;
  #size = 0;

  /** `width` numbers an update. */
  constructor(width: number) {
    this.#width = width;
  }

  /** Changes, each counted as often as it was told. */
  get size(): number {
    return this.#size;
  }

  /** Bytes held, slack for growth included. */
  get byteLength(): number {
    return [this.#times, this.#keys, this.#counts, this.#updateOf, this.#updates].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    );
  }

  add({ time, high, low, count, bits, at }: Omit<Readonly<UpdateRun>, 'update'>): void {
    this.#size += count;
    const last = this.#runs - 1;
    const isSame = this.#endsWith(bits, 2 * at);
    const keys = this.#keys;
    if (isSame && this.#times[last] === time && keys[2 * last] === high && keys[2 * last + 1] === low) {
      this.#counts[last] = (this.#counts[last] ?? 0) + count;
      return;
    }
    if (!isSame) this.#keep(bits, 2 * at);
    const run = this.#runs++;
    if (run === this.#times.length) this.#grow();
    this.#times[run] = time;
    this.#keys[2 * run] = high;
    this.#keys[2 * run + 1] = low;
    this.#counts[run] = count;
    this.#updateOf[run] = this.#updateCount - 1;
  }

  /** In their order; the run is another one after each call. */
  each(visit: (run: Readonly<UpdateRun>) => void): void {
    // One for all of them: there are as many as rows that were shown, times features.
    const run: UpdateRun = { time: 0, high: 0, low: 0, count: 0, update: this.#updates, bits: this.#bits, at: 0 };
    for (let i = 0; i < this.#runs; i++) {
      run.time = this.#times[i] ?? 0;
      run.high = this.#keys[2 * i] ?? 0;
      run.low = this.#keys[2 * i + 1] ?? 0;
      run.count = this.#counts[i] ?? 0;
      run.at = this.#width * (this.#updateOf[i] ?? 0);
      visit(run);
    }
  }

  /** Forgets all; the memory of many as well. */
  clear(): void {
    this.#runs = this.#updateCount = this.#size = 0;
    if (this.#times.length > fewRuns) this.#resize(0);
    if (this.#updates.length > fewRuns * this.#width) this.#setUpdates(new Float64Array(0));
  }

  #endsWith(bits: Uint32Array, at: number): boolean {
    if (this.#updateCount === 0) return false;
    const words = 2 * this.#width;
    const last = words * (this.#updateCount - 1);
    for (let i = 0; i < words; i++) if (this.#bits[last + i] !== bits[at + i]) return false;
    return true;
  }

  #keep(bits: Uint32Array, at: number): void {
    const from = this.#width * this.#updateCount++;
    if (from + this.#width > this.#updates.length) {
      const before = this.#bits;
      this.#setUpdates(new Float64Array(larger(from + this.#width)));
      this.#bits.set(before);
    }
    for (let i = 0; i < 2 * this.#width; i++) this.#bits[2 * from + i] = bits[at + i] ?? 0;
  }

  #setUpdates(updates: Float64Array<ArrayBuffer>): void {
    this.#updates = updates;
    this.#bits = bitsOf(updates);
  }

  #grow(): void {
    this.#resize(larger(this.#times.length));
  }

  #resize(runs: number): void {
    const [times, keys, counts, updateOf] = [this.#times, this.#keys, this.#counts, this.#updateOf];
    this.#times = new Float64Array(runs);
    this.#keys = new Uint32Array(2 * runs);
    this.#counts = new Uint32Array(runs);
    this.#updateOf = new Uint32Array(runs);
    if (runs === 0) return;
    this.#times.set(times);
    this.#keys.set(keys);
    this.#counts.set(counts);
    this.#updateOf.set(updateOf);
  }
}

const larger = (length: number): number => Math.max(16, Math.ceil(1.5 * length));
