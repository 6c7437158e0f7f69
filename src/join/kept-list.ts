import type { EventId } from '../events/index.js';
import type { Fields } from '../features/index.js';
import { Slab } from './slab.js';

/** So many that the place of each fits 16 bits. */
export const mostEntries = 2 ** 16;
/** Contexts are nearly always one of a few, where state looks at them at all. */
const mostContexts = 16;

/** What feature state looks at of a list. */
export interface ListFields {
  readonly user: Fields;
  readonly context: Fields;
  /** [rows] */
  readonly candidates: readonly Fields[];
}

/** Items with their fields, as lists showed them: each once, and again when its fields have changed. */
export interface Catalogue {
  readonly ids: EventId[];
  /** Empty where there is no state. */
  readonly fields: Fields[];
}

/** What was shown to whom: two bytes a row, which the garbage collector need not follow. */
export class KeptList {
  readonly rows: number;
  /** Undefined where there is no state; then the context is, too. */
  readonly user: Fields | undefined;
  readonly context: Fields | undefined;
  readonly #catalogue: Catalogue;
  /** From `at` on, by row, where it stands in the catalogue; beyond the end at the row itself. */
  readonly #places: Uint16Array;
  readonly #at: number;

  constructor(
    { rows, user, context }: Pick<KeptList, 'rows' | 'user' | 'context'>,
    catalogue: Catalogue,
    { places, at }: { readonly places: Uint16Array; readonly at: number },
  ) {
    this.rows = rows;
    this.user = user;
    this.context = context;
    this.#catalogue = catalogue;
    this.#places = places;
    this.#at = at;
  }

  /** In which its items stand, and those of others. */
  get catalogue(): Catalogue {
    return this.#catalogue;
  }

  /** [rows] where its items stand there, a view; undefined if it is longer than places go, and they stand in its order. */
  places(): Uint16Array | undefined {
    return this.rows > mostEntries ? undefined : this.#places.subarray(this.#at, this.#at + this.rows);
  }

  /** [rows] */
  ids(): EventId[] {
    const { ids } = this.#catalogue;
    return Array.from({ length: this.rows }, (_, row) => ids[this.#placeOf(row)] ?? '');
  }

  /** Undefined where there is no state. */
  fields(): ListFields | undefined {
    const { user, context } = this;
    if (user === undefined || context === undefined) return undefined;
    return { user, context, candidates: Array.from({ length: this.rows }, (_, row) => this.candidate(row)) };
  }

  /** What state looks at of a row's item. */
  candidate(row: number): Fields {
    return this.#catalogue.fields[this.#placeOf(row)] ?? {};
  }

  /** The row of an item, -1 if the list does not hold it; 7 and "7" are the same. */
  rowOf(id: EventId): number {
    const { ids } = this.#catalogue;
    for (let row = 0; row < this.rows; row++) if (ids[this.#placeOf(row)] === id) return row;
    for (let row = 0; row < this.rows; row++) if (String(ids[this.#placeOf(row)]) === String(id)) return row;
    return -1;
  }

  #placeOf(row: number): number {
    return this.#places[this.#at + row] ?? row;
  }
}

const inItsOrder = { places: new Uint16Array(0), at: 0 };

/**
 * Keeps lists while they may get feedback. A service has a hundred thousand of them, all of the same few thousand items: if
 * each held ids and fields itself, that would be some hundred references a list, which every garbage collection follows.
 *
 * Lists are forgotten in the order in which they came. So a catalogue that is full is left to the lists that look into it
 * and goes with the last of them; nobody counts.
 */
export class ListShelf {
  /** Of all fields that are kept. */
  readonly #names: readonly string[];
  readonly #slab = new Slab();
  #catalogue: Catalogue = { ids: [], fields: [] };
  /** Where an item stands as it was last. */
  #places = new Map<EventId, number>();
  #contexts: Fields[] = [];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** `fields` are undefined where there is no state. */
  keep(ids: readonly EventId[], fields: ListFields | undefined): KeptList {
    const rows = ids.length;
    const about = { rows, user: fields?.user, context: fields && this.#contextLike(fields.context) };
    // No place would be left for others.
    if (rows > mostEntries) {
      return new KeptList(about, { ids: [...ids], fields: [...(fields?.candidates ?? [])] }, inItsOrder);
    }
    if (this.#catalogue.ids.length + rows > mostEntries) this.#startCatalogue();
    const at = this.#slab.take(2 * rows) / 2;
    const { shorts: places } = this.#slab.piece;
    for (let row = 0; row < rows; row++) places[at + row] = this.#placeOf(ids[row] ?? '', fields?.candidates[row]);
    return new KeptList(about, this.#catalogue, { places, at });
  }

  /**
   * For lists that stood in another catalogue, of `mostEntries` at most: keeps one of them, by the places of its items there,
   * as `keep` would. To be done with before another list is kept.
   */
  movedFrom({
    ids,
    fields,
  }: Catalogue): (places: Uint16Array, about: Omit<ListFields, 'candidates'> | undefined) => KeptList {
    if (this.#catalogue.ids.length + ids.length > mostEntries) this.#startCatalogue();
    const moved = Uint16Array.from(ids, (id, place) => this.#placeOf(id, fields[place]));
    const catalogue = this.#catalogue;
    return (old, about) => {
      const { length: rows } = old;
      const at = this.#slab.take(2 * rows) / 2;
      const { shorts: places } = this.#slab.piece;
      for (let row = 0; row < rows; row++) places[at + row] = moved[old[row] ?? 0] ?? 0;
      const context = about && this.#contextLike(about.context);
      return new KeptList({ rows, user: about?.user, context }, catalogue, { places, at });
    };
  }

  #startCatalogue(): void {
    this.#catalogue = { ids: [], fields: [] };
    this.#places = new Map();
  }

  #placeOf(id: EventId, candidate: Fields | undefined): number {
    const { ids, fields } = this.#catalogue;
    const known = this.#places.get(id);
    if (known !== undefined && (candidate === undefined || this.#same(candidate, fields[known]))) return known;
    // The text that is kept already, not another one like it.
    const place = ids.push(known === undefined ? id : (ids[known] ?? id)) - 1;
    if (candidate !== undefined) fields.push(candidate);
    this.#places.set(id, place);
    return place;
  }

  #contextLike(context: Fields): Fields {
    const known = this.#contexts.find((other) => this.#same(context, other));
    if (known !== undefined) return known;
    if (this.#contexts.length === mostContexts) this.#contexts = [];
    this.#contexts.push(context);
    return context;
  }

  #same(a: Fields, b: Fields | undefined): boolean {
    if (a === b || b === undefined) return a === b;
    for (const name of this.#names) if (!Object.is(a[name], b[name])) return false;
    return true;
  }
}
