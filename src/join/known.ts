import { OldestOffsets } from './oldest.js';
import { Queue } from './queue.js';
import type { Shown } from './shown.js';

/** The lists that may still get feedback, in the order in which they were shown. */
export class KnownLists {
  readonly #byRequest = new Map<string, Shown>();
  readonly #inOrder = new Queue<Shown>();
  /** Those whose wait is not over. */
  readonly #ripening = new Queue<Shown>();
  readonly #oldest = new OldestOffsets();

  constructor(lists: readonly Shown[]) {
    for (const shown of lists) this.add(shown);
  }

  get size(): number {
    return this.#byRequest.size;
  }

  has(requestId: string): boolean {
    return this.#byRequest.has(requestId);
  }

  get(requestId: string): Shown | undefined {
    return this.#byRequest.get(requestId);
  }

  add(shown: Shown): void {
    this.#byRequest.set(shown.requestId, shown);
    this.#inOrder.add(shown);
    this.#oldest.add(shown.partition, shown.from);
    if (!shown.matured) this.#ripening.add(shown);
  }

  /** Those whose wait is over before a time mature, in order. */
  mature(time: number, waitMs: number, each: (shown: Shown) => void): void {
    for (let shown = this.#ripening.first(); shown !== undefined; shown = this.#ripening.first()) {
      if (shown.at + waitMs >= time) break;
      this.#ripening.take();
      shown.matured = true;
      each(shown);
    }
  }

  /** Those that were known for so long before a time. */
  forget(time: number, knownMs: number): void {
    for (let shown = this.#inOrder.first(); shown !== undefined; shown = this.#inOrder.first()) {
      if (shown.at + knownMs >= time) break;
      this.#inOrder.take();
      this.#oldest.remove(shown.partition, shown.from);
      this.#byRequest.delete(shown.requestId);
    }
  }

  /** The smallest offset that reading anew needs of a partition; undefined if nothing of it is known. */
  oldest(partition: number): number | undefined {
    return this.#oldest.of(partition);
  }

  /** A copy. */
  list(): Shown[] {
    return this.#inOrder.list();
  }
}
