import type { CompiledFeature } from './compile.js';
import type { Entry, KeysFeature, NumbersFeature, ReadTools } from './feature.js';
import { GrowingKeys } from './keys.js';
import type { KeptRow, KeptRows } from './kept-rows.js';
import type { Column, Fields, Side } from './types.js';

/** An entry that is filled again for each candidate. */
export type ReadEntry = { -readonly [field in keyof Entry]: Entry[field] };

/** The candidates of one request, and of those that are known what is kept of them. */
export interface Candidates {
  /** Of those that are known, what is not in their rows. */
  readonly candidates: readonly Fields[];
  /** [candidates] or fewer. */
  readonly kept: readonly (KeptRow | undefined)[];
}

export interface ReadColumn {
  readonly name: string;
  readonly side: Side;
  /** Forgets what was read; `entries` will come. */
  begin(entries: number): void;
  append(entry: Entry): void;
  /** One entry per candidate: as it was kept, or read. */
  appendAll(entry: ReadEntry, candidates: Candidates): void;
  finish(): Column;
}

interface ColumnTools extends ReadTools {
  readonly keptRows: KeptRows;
}

export const readColumn = (compiled: CompiledFeature, tools: ColumnTools): ReadColumn =>
  compiled.feature.type === 'numbers'
    ? new NumbersColumn(compiled, compiled.feature, tools)
    : new KeysColumn(compiled, compiled.feature, tools);

const none: Fields = Object.freeze({});

class NumbersColumn implements ReadColumn {
  readonly name: string;
  readonly side: Side;
  readonly #width: number;
  readonly #read: ReturnType<NumbersFeature['reader']>;
  readonly #keptAt: number | undefined;
  #values = new Float32Array(0);
  #at = 0;

  constructor({ name, side }: CompiledFeature, feature: NumbersFeature, tools: ColumnTools) {
    this.name = name;
    this.side = side;
    this.#width = feature.width;
    this.#read = feature.reader(tools);
    this.#keptAt = tools.keptRows.places.get(name);
  }

  begin(entries: number): void {
    this.#values = new Float32Array(entries * this.#width);
    this.#at = 0;
  }

  append(entry: Entry): void {
    this.#read(entry, this.#values, this.#at);
    this.#at += this.#width;
  }

  appendAll(entry: ReadEntry, { candidates, kept }: Candidates): void {
    const keptAt = this.#keptAt;
    for (let i = 0; i < candidates.length; i++) {
      const row = i < kept.length ? kept[i] : undefined;
      if (row !== undefined && keptAt !== undefined) {
        for (let j = 0; j < this.#width; j++) this.#values[this.#at++] = row.values[keptAt + j] ?? Number.NaN;
        continue;
      }
      entry.candidate = candidates[i] ?? none;
      entry.kept = row;
      this.append(entry);
    }
  }

  finish(): Column {
    return { side: this.side, type: 'numbers', width: this.#width, values: this.#values };
  }
}

class KeysColumn implements ReadColumn {
  readonly name: string;
  readonly side: Side;
  readonly #read: ReturnType<KeysFeature['reader']>;
  readonly #keptAt: number | undefined;
  readonly #keys = new GrowingKeys();
  #offsets = new Int32Array(1);
  #entries = 0;

  constructor({ name, side }: CompiledFeature, feature: KeysFeature, tools: ColumnTools) {
    this.name = name;
    this.side = side;
    this.#read = feature.reader(tools);
    this.#keptAt = tools.keptRows.places.get(name);
  }

  begin(entries: number): void {
    this.#keys.take();
    this.#offsets = new Int32Array(entries + 1);
    this.#entries = 0;
  }

  append(entry: Entry): void {
    this.#read(entry, this.#keys);
    this.#offsets[++this.#entries] = this.#keys.length;
  }

  appendAll(entry: ReadEntry, { candidates, kept }: Candidates): void {
    const keptAt = this.#keptAt;
    for (let i = 0; i < candidates.length; i++) {
      const row = i < kept.length ? kept[i] : undefined;
      if (row !== undefined && keptAt !== undefined) {
        const { values } = row;
        const end = values[keptAt] ?? 0;
        for (let at = values[keptAt - 1] ?? 0; at < end; at += 2) this.#keys.add(values[at] ?? 0, values[at + 1] ?? 0);
        this.#offsets[++this.#entries] = this.#keys.length;
        continue;
      }
      entry.candidate = candidates[i] ?? none;
      entry.kept = row;
      this.append(entry);
    }
  }

  finish(): Column {
    return { side: this.side, type: 'keys', offsets: this.#offsets, keys: this.#keys.take() };
  }
}
