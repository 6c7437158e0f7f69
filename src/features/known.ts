import type { Fields } from './types.js';

/** Where fields lie that never change. */
export interface FieldSource {
  /** The same every time; they are frozen by whoever gets them. */
  read(): Fields;
}

/**
 * Fields that never change, with what was made of them: the fields of an item that was put are read for thousands of requests.
 * What is made is all that most of them need, and fields are some thirty objects, which the garbage collector follows as long
 * as they are there. So they are let go when something was made of them, and read again should somebody want more.
 * What is made should be flat: of items that were not asked for lately nothing is in the processor's caches, and each object
 * on the way to a value is another wait for memory.
 */
export class Known {
  readonly #source: FieldSource;
  #fields: Fields | undefined;
  #notes: Note | undefined;

  /** `read` is what the source gives, where that is at hand. It is taken over. */
  constructor(source: FieldSource, read?: Fields) {
    this.#source = source;
    this.#fields = read && Object.freeze(read);
  }

  /** Whoever asks for them will do so again, as who merges others into them: they stay until something else is made of them. */
  get fields(): Fields {
    return (this.#fields ??= lately.find(this) ?? Object.freeze(this.#source.read()));
  }

  /** What `make` made the first time. The name must say all that it depends on beside the fields; there should be few. */
  keep<T>(name: string, make: (fields: Fields) => T): T {
    for (let note = this.#notes; note !== undefined; note = note.next) if (note.name === name) return note.value as T;
    const { fields } = this;
    lately.add(this, fields);
    this.#fields = undefined;
    const value = make(fields);
    this.#notes = { name, value, next: this.#notes };
    return value;
  }
}

/** A candidate as it was sent, or one that is known. */
export type Candidate = Fields | Known;

export const fieldsOf = (candidate: Candidate): Fields => (candidate instanceof Known ? candidate.fields : candidate);

interface Note {
  readonly name: string;
  readonly value: unknown;
  readonly next: Note | undefined;
}

const mostPerGeneration = 512;

/** The fields that something was made of last: of a new item one thing after the other is, within a few requests. */
class Lately {
  #younger = new Map<Known, Fields>();
  #older = new Map<Known, Fields>();

  find(known: Known): Fields | undefined {
    return this.#younger.get(known) ?? this.#older.get(known);
  }

  add(known: Known, fields: Fields): void {
    if (this.#younger.size === mostPerGeneration) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(known, fields);
  }
}

const lately = new Lately();
