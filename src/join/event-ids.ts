/** Beyond so many a list is slower to look through than a set, which takes five times the memory. */
const mostListed = 16;

/** The feedback events that one list of items has had. Nearly always few, and kept for millions of lists. */
export class EventIds {
  /** An array as long as what it holds: one that grows by itself has room for sixteen more. */
  #ids: readonly string[] | Set<string>;

  constructor(ids: readonly string[] = []) {
    this.#ids = ids.length > mostListed ? new Set(ids) : ids;
  }

  /** False if it was there before. */
  add(id: string): boolean {
    if (this.#ids instanceof Set) {
      if (this.#ids.has(id)) return false;
      this.#ids.add(id);
      return true;
    }
    if (this.#ids.includes(id)) return false;
    this.#ids = this.#ids.length === 0 ? [id] : this.#ids.concat(id);
    if (this.#ids.length > mostListed) this.#ids = new Set(this.#ids);
    return true;
  }

  /** As it is now. */
  copy(): EventIds {
    const ids = new EventIds();
    ids.#ids = this.#ids instanceof Set ? new Set(this.#ids) : this.#ids;
    return ids;
  }

  /** In the order in which they came. */
  list(): string[] {
    return [...this.#ids];
  }
}
