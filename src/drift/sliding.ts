/** Counts of the last while, in panes: one fills, the oldest is emptied when its time is over. */
export class SlidingCounts {
  readonly #panes: Float64Array[];
  readonly #paneMs: number;
  #pane = 0;
  #until: number;

  /** `size` counts over `windowMs`, let go in steps of a fifth of it. */
  constructor({ size, windowMs, nowMs }: { readonly size: number; readonly windowMs: number; readonly nowMs: number }) {
    const panes = 5;
    this.#panes = Array.from({ length: panes }, () => new Float64Array(size));
    this.#paneMs = windowMs / panes;
    this.#until = nowMs + this.#paneMs;
  }

  /** Lets go what is too old; to be called before counts are added or read. */
  advance(nowMs: number): void {
    for (let passed = 0; nowMs >= this.#until && passed < this.#panes.length; passed++) {
      this.#pane = (this.#pane + 1) % this.#panes.length;
      this.#panes[this.#pane]?.fill(0);
      this.#until += this.#paneMs;
    }
    if (nowMs >= this.#until) this.#until = nowMs + this.#paneMs;
  }

  add(slot: number, by = 1): void {
    const pane = this.#panes[this.#pane];
    if (pane !== undefined) pane[slot] = (pane[slot] ?? 0) + by;
  }

  /** [size] */
  total(): Float64Array {
    const sum = new Float64Array(this.#panes[0]?.length ?? 0);
    for (const pane of this.#panes)
      for (let slot = 0; slot < sum.length; slot++) sum[slot] = (sum[slot] ?? 0) + (pane[slot] ?? 0);
    return sum;
  }
}
