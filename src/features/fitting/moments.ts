/** Mean and deviation of a stream, one value at a time (Welford 1962): exact to rounding, whatever the batches were. */
export class Moments {
  #count = 0;
  #mean = 0;
  #squares = 0;

  /** NaN is left out. */
  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#count++;
    const delta = value - this.#mean;
    this.#mean += delta / this.#count;
    this.#squares += delta * (value - this.#mean);
  }

  get mean(): number {
    return this.#mean;
  }

  /** Of the population; 0 where nothing varied. */
  get deviation(): number {
    return this.#count > 1 ? Math.sqrt(this.#squares / this.#count) : 0;
  }

  /**
   * What to multiply a centred value by: 1 / deviation. Zero where the training data were constant: the network has
   * learned nothing about such an input, so it must not meet values of it later.
   */
  get scale(): number {
    const { deviation } = this;
    return deviation > 1e-12 * Math.max(1, Math.abs(this.#mean)) ? 1 / deviation : 0;
  }
}
