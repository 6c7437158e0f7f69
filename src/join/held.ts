import { Queue } from './queue.js';
import type { MergedEvent } from './types.js';

interface Entry {
  readonly requestId: string;
  readonly event: MergedEvent;
  joined: boolean;
}

/** Feedback whose impression has not come yet, by request. */
export class HeldFeedback {
  readonly #byRequest = new Map<string, Entry[]>();
  readonly #inOrder = new Queue<Entry>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(requestId: string, merged: MergedEvent): void {
    // What was read together shares memory, which one of many must not keep for as long as this may wait.
    const event = { ...merged, value: new Uint8Array(merged.value) };
    const entry: Entry = { requestId, event, joined: false };
    const others = this.#byRequest.get(requestId);
    if (others === undefined) this.#byRequest.set(requestId, [entry]);
    else others.push(entry);
    this.#inOrder.add(entry);
    this.#size++;
  }

  /** Takes out what waits for this request, in order. */
  take(requestId: string): MergedEvent[] {
    const entries = this.#byRequest.get(requestId);
    if (entries === undefined) return [];
    this.#byRequest.delete(requestId);
    this.#size -= entries.length;
    for (const entry of entries) entry.joined = true;
    return entries.map(({ event }) => event);
  }

  /** Takes out what came before `time`, in order. */
  expire(time: number, each: (event: MergedEvent, requestId: string) => void): void {
    for (let entry = this.#inOrder.first(); entry !== undefined; entry = this.#inOrder.first()) {
      if (!entry.joined && entry.event.time >= time) return;
      this.#inOrder.take();
      if (entry.joined) continue;
      const { requestId, event } = entry;
      // The oldest of all is the oldest of its request, too.
      const others = this.#byRequest.get(requestId) ?? [];
      if (others.length > 1) others.shift();
      else this.#byRequest.delete(requestId);
      this.#size--;
      each(event, requestId);
    }
  }

  /** The smallest offset that what waits of a partition needs; undefined if nothing does. */
  oldest(partition: number): number | undefined {
    if (this.#size === 0) return undefined;
    const offsets = this.list().flatMap((event) => (event.partition === partition ? [event.from] : []));
    return offsets.length === 0 ? undefined : offsets.reduce((least, from) => Math.min(least, from));
  }

  /** What waits, in order; a copy. */
  list(): MergedEvent[] {
    return this.#inOrder
      .list()
      .filter(({ joined }) => !joined)
      .map(({ event }) => event);
  }
}
