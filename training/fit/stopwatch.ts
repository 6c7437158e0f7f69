/** Where the time of a training run went, in milliseconds by part. */
export class Stopwatch {
  readonly #clock: () => number;
  readonly #spent = new Map<string, number>();

  /** @param clock monotonic, in milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  measure<T>(part: string, work: () => T): T {
    const start = this.#clock();
    const result = work();
    this.#add(part, start);
    return result;
  }

  /** Wall time until the promise settles, whatever else runs meanwhile. */
  async wait<T>(part: string, work: Promise<T>): Promise<T> {
    const start = this.#clock();
    try {
      return await work;
    } finally {
      this.#add(part, start);
    }
  }

  spentMs(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#spent);
  }

  #add(part: string, start: number): void {
    this.#spent.set(part, (this.#spent.get(part) ?? 0) + this.#clock() - start);
  }
}
