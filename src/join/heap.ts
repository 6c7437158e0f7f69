/** What comes out first is what `before` puts before all others. Not stable: the order must be total. */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #entries: T[] = [];

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** In no particular order. */
  get entries(): readonly T[] {
    return this.#entries;
  }

  first(): T | undefined {
    return this.#entries[0];
  }

  add(entry: T): void {
    const entries = this.#entries;
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const up = (at - 1) >>> 1;
      const parent = entries[up] as T;
      if (!this.#before(entry, parent)) break;
      entries[at] = parent;
      at = up;
    }
    entries[at] = entry;
  }

  /** Takes out the first entry; undefined if there is none. */
  take(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= entries.length) break;
      const right = down + 1;
      if (right < entries.length && this.#before(entries[right] as T, entries[down] as T)) down = right;
      if (!this.#before(entries[down] as T, last)) break;
      entries[at] = entries[down] as T;
      at = down;
    }
    entries[at] = last;
    return first;
  }
}
