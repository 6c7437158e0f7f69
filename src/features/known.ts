import type { Fields } from './types.js';

/**
 * Fields that never change, with what was made of them: the fields of an item that was put are read for thousands of requests.
 * What is made should be flat: of items that were not asked for lately nothing is in the processor's caches, and each object
 * on the way to a value is another wait for memory.
 */
export class Known {
  readonly fields: Fields;
  #notes: Note | undefined;

  /** Takes the fields over: they are frozen. */
  constructor(fields: Fields) {
    this.fields = Object.freeze(fields);
  }

  /** What `make` made the first time. The name must say all that it depends on beside the fields; there should be few. */
  keep<T>(name: string, make: (fields: Fields) => T): T {
    for (let note = this.#notes; note !== undefined; note = note.next) if (note.name === name) return note.value as T;
    const value = make(this.fields);
    this.#notes = { name, value, next: this.#notes };
    return value;
  }
}

interface Note {
  readonly name: string;
  readonly value: unknown;
  readonly next: Note | undefined;
}
