import type { EventId } from '../events/index.js';
import type { Fields, Frame, FrameArray } from '../features/index.js';
import { Column, ColumnGroup, readRuns, shortsOf, type Written } from './columns.js';
import { mostEntries, type Catalogue, type KeptList, type ListFields, type ListShelf } from './kept-list.js';
import { readIds, readRecords, RecordColumn, ValueColumn, type Shape } from './record-columns.js';

/** What the header says of items. */
export interface ItemsHeader {
  readonly items: number;
  /** Whether lists have users, contexts and items' fields: only where there is state. */
  readonly state: boolean;
  /** Whether it is one list, longer than places go, whose items stand in its order. */
  readonly inOrder: boolean;
  readonly fields: readonly Shape[];
  readonly users: readonly Shape[];
  readonly contexts: readonly Shape[];
}

/**
 * Items of some lists, each once, and again when its fields have changed; by row where it stands among them; users and
 * contexts. A function of the lists alone: not of what was shown before them, nor of the catalogues in which they stand.
 */
export class ItemColumns implements Written {
  readonly #ids = new ValueColumn();
  readonly #fields = new RecordColumn();
  readonly #places = new Column(Uint16Array);
  readonly #users = new RecordColumn();
  readonly #contexts = new RecordColumn();
  readonly #columns = new ColumnGroup([this.#ids, this.#fields, this.#places, this.#users, this.#contexts]);
  /** By place in a catalogue that was met, the place here; -1 where there is none yet. */
  readonly #moved = new Map<Catalogue, Int32Array>();
  /** Where an item stands as it was last, and by place its fields. */
  readonly #last = new Map<EventId, number>();
  #records: (Fields | undefined)[] = [];
  #state = false;
  #inOrder = false;

  /** Whether another list can stand here beside those that do; the first always can. */
  hasRoomFor({ rows, user }: KeptList): boolean {
    return this.#records.length + rows <= mostEntries && this.#state === (user !== undefined);
  }

  get byteLength(): number {
    return this.#columns.byteLength;
  }

  get header(): ItemsHeader {
    return {
      items: this.#records.length,
      state: this.#state,
      inOrder: this.#inOrder,
      fields: this.#fields.shapes,
      users: this.#users.shapes,
      contexts: this.#contexts.shapes,
    };
  }

  add(list: KeptList): void {
    const { user, context, catalogue, rows } = list;
    this.#state = user !== undefined;
    if (user !== undefined) this.#users.add(user);
    if (context !== undefined) this.#contexts.add(context);
    const old = list.places();
    if (old === undefined) {
      this.#inOrder = true;
      for (let row = 0; row < rows; row++) this.#push(catalogue.ids[row] ?? '', catalogue.fields[row]);
      return;
    }
    let moved = this.#moved.get(catalogue);
    if (moved === undefined) this.#moved.set(catalogue, (moved = new Int32Array(mostEntries).fill(-1)));
    const places = this.#places.room(rows);
    const end = this.#places.length;
    for (let row = 0; row < rows; row++) {
      const before = old[row] ?? 0;
      let place = moved[before] ?? -1;
      if (place < 0) moved[before] = place = this.#placeOf(catalogue, before);
      places[end + row] = place;
    }
    this.#places.grow(rows);
  }

  /** Of what stands in another catalogue. */
  #placeOf({ ids, fields }: Catalogue, at: number): number {
    const [id = '', record] = [ids[at], fields[at]];
    const last = this.#last.get(id);
    return last !== undefined && same(this.#records[last], record) ? last : this.#push(id, record);
  }

  #push(id: EventId, record: Fields | undefined): number {
    this.#ids.add(id);
    if (record !== undefined) this.#fields.add(record);
    const place = this.#records.push(record) - 1;
    this.#last.set(id, place);
    return place;
  }

  arrays(): FrameArray[] {
    return this.#columns.arrays();
  }

  clear(): void {
    this.#columns.clear();
    this.#moved.clear();
    this.#last.clear();
    this.#records = [];
    this.#inOrder = false;
  }
}

function same(a: Fields | undefined, b: Fields | undefined): boolean {
  if (a === b || a === undefined || b === undefined) return a === b;
  const names = Object.keys(a);
  const others = Object.keys(b);
  return names.length === others.length && names.every((name, i) => name === others[i] && Object.is(a[name], b[name]));
}

/** Keeps the lists of these items, one after the other, each of so many rows. */
export function readItems(
  frame: Frame,
  header: ItemsHeader,
  shelf: ListShelf,
): { next(rows: number): KeptList; end(): void } {
  const { items, state, inOrder } = header;
  if (!Number.isSafeInteger(items) || items < 0) throw frame.damaged('it does not say how many items there are');
  const ids = readIds(frame, 'items');
  const fields = readRecords<Fields>(frame, 'fields of items', header.fields);
  const shorts = shortsOf(frame);
  const users = readRecords<Fields>(frame, 'users', header.users);
  const contexts = readRecords<Fields>(frame, 'contexts', header.contexts);
  const catalogue: Catalogue = { ids: [], fields: [] };
  for (let place = 0; place < items; place++) catalogue.ids.push(ids.next());
  if (state) for (let place = 0; place < items; place++) catalogue.fields.push(fields.next());
  ids.end();
  fields.end();
  const about = (): Omit<ListFields, 'candidates'> | undefined =>
    state ? { user: users.next(), context: contexts.next() } : undefined;
  const end = (): void => {
    users.end();
    contexts.end();
  };
  if (inOrder) {
    return {
      next(rows) {
        if (rows !== items) throw frame.damaged('a list of items in their order is of others');
        const others = about();
        return shelf.keep(catalogue.ids, others && { ...others, candidates: catalogue.fields });
      },
      end,
    };
  }
  if (items > mostEntries) throw frame.damaged(`its lists show ${items} items, more than places go`);
  for (const place of shorts) if (place >= items && place > 0) throw frame.damaged(`there is no item ${place}`);
  const places = readRuns(frame, 'places of items', shorts);
  const keep = shelf.movedFrom(catalogue);
  return {
    next(rows) {
      if (rows > 0 && items === 0) throw frame.damaged('a list shows items that are not there');
      return keep(places.next(rows), about());
    },
    end() {
      places.end();
      end();
    },
  };
}
