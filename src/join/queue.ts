/** First in, first out, without moving the rest at every step. */
export class Queue<T extends object | number> {
  #entries: (T | undefined)[];
  #head = 0;

  constructor(entries: readonly T[] = []) {
    this.#entries = [...entries];
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  first(): T | undefined {
    return this.#entries[this.#head];
  }

  last(): T | undefined {
    return this.#entries[this.#entries.length - 1];
  }

  add(entry: T): void {
    this.#entries.push(entry);
  }

  /** Takes out the first. */
  take(): void {
    if (this.size === 0) return;
    this.#entries[this.#head++] = undefined;
    if (this.size === 0) this.#restart([]);
    else if (this.#head > 1024 && 2 * this.#head > this.#entries.length) {
      this.#restart(this.#entries.slice(this.#head));
    }
  }

  /** Takes out the last. */
  takeLast(): void {
    if (this.size === 0) return;
    this.#entries.pop();
    if (this.size === 0) this.#restart([]);
  }

  /** What is in it, first to last; a copy. */
  list(): T[] {
    return this.#entries.slice(this.#head) as T[];
  }

  #restart(entries: (T | undefined)[]): void {
    this.#entries = entries;
    this.#head = 0;
  }
}
