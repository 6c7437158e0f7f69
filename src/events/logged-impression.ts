import { decodeFeatureBatch, type FeatureBatch } from '../features/index.js';
import { ByteReader, unreadable } from './bytes.js';
import { hasChoice, readChoice, type Choice } from './choice-codec.js';
import { envelopeBytes, markedFields, type Envelope } from './envelope.js';
import { decodeFields } from './fields-codec.js';
import { scanFields, type FieldNames } from './fields-scan.js';
import { partsBytes } from './impression-codec.js';
import type { EventId, Impression, ItemList, ShownItem } from './types.js';

type Fields = Impression['fields'];
type Served = Pick<Impression, 'arms' | 'weights' | 'tasks'>;

/**
 * An impression as a view of its bytes: its names are read at once, the rest on first use; a part that is not what it should
 * be throws event_invalid then. A class, because an object literal with as many getters takes ten times as long to make (7.6 µs).
 * Its parts are no own properties, so a spread leaves them out: `wholeImpression` copies all of it.
 */
export class LoggedImpression implements Impression {
  readonly kind = 'impression';
  readonly time: number;
  readonly requestId: string;
  readonly userId: EventId | undefined;
  readonly ranker: string;
  readonly version: string;
  readonly fingerprint: string;
  readonly candidates: number;
  readonly #bytes: Uint8Array;
  readonly #places: Places;
  readonly #marked: boolean;
  #served: Served | undefined;
  #items: readonly ShownItem[] | undefined;
  #list: ItemList | undefined;
  #heads: Float32Array | undefined;
  #fields: Fields | undefined;
  #features: FeatureBatch | undefined;
  #choice: Choice | undefined;

  constructor(bytes: Uint8Array, { time, flags, reader }: Envelope) {
    const { candidates, places } = headOf(bytes, reader, (flags & hasChoice) !== 0);
    this.candidates = candidates;
    this.time = time;
    this.requestId = reader.text();
    this.userId = reader.id();
    this.ranker = reader.name();
    this.version = reader.name();
    this.fingerprint = reader.name();
    if (reader.at > places.served) throw unreadable('its names are longer than their part');
    this.#bytes = bytes;
    this.#places = places;
    this.#marked = (flags & markedFields) !== 0;
  }

  get arms(): Impression['arms'] {
    return this.#readServed().arms;
  }

  get weights(): Impression['weights'] {
    return this.#readServed().weights;
  }

  get tasks(): Impression['tasks'] {
    return this.#readServed().tasks;
  }

  get items(): Impression['items'] {
    const { items, heads } = this.#places;
    return (this.#items ??= readItems(new ByteReader(this.#bytes, items, heads)));
  }

  get list(): ItemList {
    const { items, heads } = this.#places;
    return (this.#list ??= readList(new ByteReader(this.#bytes, items, heads)));
  }

  get heads(): Float32Array {
    const { heads, fields } = this.#places;
    return (this.#heads ??= readHeads(this.#bytes.subarray(heads, fields), this.#rows * this.tasks.length));
  }

  get fields(): Fields {
    const { fields, choice } = this.#places;
    return (this.#fields ??= readFields(new ByteReader(this.#bytes, fields, choice), this.#marked, this.#rows));
  }

  namedFields(names: FieldNames): Fields | undefined {
    const { fields, choice } = this.#places;
    const { ids } = this.list;
    const json = new ByteReader(this.#bytes, fields, choice).sized();
    const records = scanFields(json, names, ids) ?? [];
    const [user, context] = records;
    if (user === undefined || context === undefined || records.length !== ids.length + 2) return undefined;
    return { user, context, candidates: records.slice(2) };
  }

  get features(): FeatureBatch {
    return (this.#features ??= readFeatures(this.encodedFeatures, this.#rows));
  }

  get encodedFeatures(): Uint8Array {
    return this.#bytes.subarray(this.#places.features);
  }

  get exploration(): Impression['exploration'] {
    return this.#readChoice().exploration;
  }

  get unshown(): Impression['unshown'] {
    return this.#readChoice().unshown;
  }

  get form(): Impression['form'] {
    return this.#readChoice().form;
  }

  get #rows(): number {
    return this.list.ids.length;
  }

  #readChoice(): Choice {
    const { choice, features } = this.#places;
    if (choice === features) return none;
    return (this.#choice ??= readChoice(new ByteReader(this.#bytes, choice, features), this.tasks.length));
  }

  #readServed(): Served {
    const { served, items } = this.#places;
    return (this.#served ??= readServed(this.#bytes.subarray(served, items)));
  }
}

const none: Choice = {};

/** A copy with every part as a property of its own, to be changed by spreading or said as JSON. */
export const wholeImpression = (impression: Impression): Impression => {
  const { kind, time, requestId, userId, ranker, version, fingerprint, arms, weights } = impression;
  const { tasks, candidates, items, heads, fields, features, encodedFeatures } = impression;
  const { exploration, unshown, form } = impression;
  const names = { kind, time, requestId, userId, ranker, version, fingerprint, arms, weights, tasks };
  return {
    ...names,
    candidates,
    items,
    heads,
    fields,
    features,
    ...(encodedFeatures !== undefined && { encodedFeatures }),
    ...(exploration !== undefined && { exploration }),
    ...(unshown !== undefined && { unshown }),
    ...(form !== undefined && { form }),
  };
};

/** Where the parts begin. */
interface Places {
  readonly served: number;
  readonly items: number;
  readonly heads: number;
  readonly fields: number;
  /** Where the features begin if there is none. */
  readonly choice: number;
  readonly features: number;
}

function headOf(
  { length }: Uint8Array,
  reader: ByteReader,
  chosen: boolean,
): { readonly candidates: number; readonly places: Places } {
  const [features, fields, heads] = [reader.u32(), reader.u32(), reader.u32()];
  const [items, served] = [reader.u32(), reader.u32()];
  const candidates = reader.u32();
  const choice = chosen ? reader.u32() : features;
  const inOrder =
    envelopeBytes + partsBytes <= served &&
    served <= items &&
    items <= heads &&
    heads <= fields &&
    fields <= choice &&
    choice <= features &&
    features <= length;
  if (!inOrder) throw unreadable('its parts are not in order');
  return { candidates, places: { served, items, heads, fields, choice, features } };
}

/** Nearly always one of a few, as many as there are combinations of arms, and each takes long to read; the latest first. */
const knownServed: { readonly part: Buffer; readonly served: Served }[] = [];
const mostServed = 16;

function readServed(part: Uint8Array): Served {
  const place = knownServed.findIndex((each) => each.part.equals(part));
  const known = place < 0 ? undefined : knownServed[place];
  if (known !== undefined) {
    if (place > 0) {
      knownServed.splice(place, 1);
      knownServed.unshift(known);
    }
    return known.served;
  }
  const reader = new ByteReader(part);
  const arms = Object.fromEntries(list(reader, 2, () => [reader.text(), reader.text()] as const));
  const weights = Object.fromEntries(list(reader, 9, () => [reader.text(), reader.f64()] as const));
  const served = { arms, weights, tasks: list(reader, 1, () => reader.text()) };
  knownServed.unshift({ part: Buffer.from(part), served });
  if (knownServed.length > mostServed) knownServed.pop();
  return served;
}

const readItems = (reader: ByteReader): ShownItem[] =>
  list(reader, 20, () => {
    const [id, position, row] = [reader.givenId(), reader.count(), reader.count() - 1];
    const [score, propensity] = [reader.f64(), reader.f64()];
    return row < 0 ? { id, position, score, propensity } : { id, position, row, score, propensity };
  });

function readList(reader: ByteReader): ItemList {
  const rows = reader.listLength(20);
  const ids = new Array<EventId>(rows);
  const positions = new Array<number>(rows);
  for (let row = 0; row < rows; row++) {
    ids[row] = reader.givenId();
    positions[row] = reader.count();
    reader.count();
    reader.pass(16);
  }
  return { ids, positions };
}

function readHeads(part: Uint8Array, length: number): Float32Array {
  if (part.length < 4 * length || part.length >= 4 * length + 8) throw unreadable('its heads do not fit its items');
  // Not slice(): of a Buffer that is a view.
  const aligned = part.byteOffset % 4 === 0 ? part : new Uint8Array(part);
  return new Float32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, length);
}

function readFields(reader: ByteReader, marked: boolean, items: number): Fields {
  const [user, context, ...candidates] = decodeFields({ json: reader.utf8(), marked });
  if (user === undefined || context === undefined || candidates.length !== items)
    throw unreadable('its fields do not fit its items');
  return { user, context, candidates };
}

function readFeatures(part: Uint8Array, items: number): FeatureBatch {
  let batch: FeatureBatch;
  try {
    batch = decodeFeatureBatch(part);
  } catch (cause) {
    throw unreadable('its features cannot be read', cause);
  }
  if (batch.requests !== 1 || batch.rows !== items) throw unreadable('its features do not fit its items');
  return batch;
}

function list<T>(reader: ByteReader, leastBytes: number, read: () => T): T[] {
  const entries = new Array<T>(reader.listLength(leastBytes));
  for (let i = 0; i < entries.length; i++) entries[i] = read();
  return entries;
}
