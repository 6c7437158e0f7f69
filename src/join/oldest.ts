import { Queue } from './queue.js';

/**
 * By partition, the smallest offset of what is in a first-in-first-out queue, at constant cost per entry: an offset behind
 * which a smaller one came in can never be the answer again and is dropped at once.
 */
export class OldestOffsets {
  readonly #candidates = new Map<number, Queue<number>>();

  add(partition: number, offset: number): void {
    let candidates = this.#candidates.get(partition);
    if (candidates === undefined) this.#candidates.set(partition, (candidates = new Queue()));
    for (let last = candidates.last(); last !== undefined && last > offset; last = candidates.last()) {
      candidates.takeLast();
    }
    candidates.add(offset);
  }

  /** Of the entry that goes: entries go in the order in which they came. */
  remove(partition: number, offset: number): void {
    const candidates = this.#candidates.get(partition);
    if (candidates?.first() === offset) candidates.take();
  }

  /** Undefined where nothing of the partition is in the queue. */
  of(partition: number): number | undefined {
    return this.#candidates.get(partition)?.first();
  }
}
