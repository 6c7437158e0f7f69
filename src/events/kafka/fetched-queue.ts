import type { LogRecord } from '../types.js';

/** What a record takes beside its value, about. */
const RECORD_BYTES = 100;

/** Records that were fetched and not yet taken, in the order they came. */
export class FetchedQueue {
  #records: LogRecord[] = [];
  #taken = 0;
  #bytes = 0;

  /** About what they take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#taken === this.#records.length;
  }

  add(records: readonly LogRecord[]): void {
    // A reader that is always ahead never empties it.
    if (this.#taken > 0) this.#records = this.#records.slice(this.#taken);
    this.#taken = 0;
    for (const record of records) {
      this.#records.push(record);
      this.#bytes += sizeOf(record);
    }
  }

  take(most: number): LogRecord[] {
    const taken = this.#records.slice(this.#taken, this.#taken + most);
    this.#taken += taken.length;
    for (const record of taken) this.#bytes -= sizeOf(record);
    if (this.isEmpty) {
      this.#records = [];
      this.#taken = 0;
    }
    return taken;
  }
}

const sizeOf = ({ value }: LogRecord): number => value.length + RECORD_BYTES;
