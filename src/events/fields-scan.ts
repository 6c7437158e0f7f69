import type { Fields, FieldValue } from '../features/index.js';
import { KnownRecords, type RecordText } from './known-records.js';
import type { EventId } from './types.js';

/** Names to be looked for, and the items' records that were looked through for them before. */
export interface FieldNames {
  readonly names: readonly string[];
  /** As they stand in JSON. */
  readonly keys: readonly Uint8Array[];
  readonly known: KnownRecords;
}

/** To be kept for as long as impressions are read: what is known of items grows to some 30 MB at most. */
export const fieldNames = (names: readonly string[]): FieldNames => ({
  names,
  keys: names.map((name) => Buffer.from(JSON.stringify(name).slice(1, -1))),
  known: new KnownRecords(),
});

/** How many records come before those of the items: the user's and the context's. */
const recordsBefore = 2;

/**
 * Of records that `encodeFields` wrote, the named fields that are texts, finite numbers or booleans, in the order of the
 * names. Everything else is passed over unread, which takes half of the time of reading it and leaves nothing behind; the
 * records of `items`, where they are told, are not even looked at if they are the same as before, and frozen then.
 * Undefined where a named field is none of these or the text is not as expected: then whoever asks reads all of it.
 */
export function scanFields(json: Buffer, wanted: FieldNames, items: readonly EventId[] = []): Fields[] | undefined {
  return new Scanner(json, wanted).records(items);
}

const code = (character: string): number => character.charCodeAt(0);
const [quote, backslash, comma, colon] = [code('"'), code('\\'), code(','), code(':')];
const [openList, closeList, openRecord, closeRecord] = [code('['), code(']'), code('{'), code('}')];
const [zero, nine, minus, t, f, n] = [code('0'), code('9'), code('-'), code('t'), code('f'), code('n')];
/** So many digits are a whole number exactly. */
const mostDigits = 15;

class Scanner implements RecordText {
  readonly json: Buffer;
  at = 0;
  readonly #wanted: FieldNames;
  /** By name, what the record at hand has of it. */
  readonly #found: (FieldValue | undefined)[];
  #odd = false;

  constructor(json: Buffer, wanted: FieldNames) {
    this.json = json;
    this.#wanted = wanted;
    this.#found = wanted.names.map(() => undefined);
  }

  records(items: readonly EventId[]): Fields[] | undefined {
    const records: Fields[] = [];
    if (!this.#take(openList)) return undefined;
    if (this.#take(closeList)) return this.at === this.json.length ? records : undefined;
    do {
      const item = items[records.length - recordsBefore];
      const record = item === undefined ? this.record() : this.#wanted.known.read(item, this);
      if (record === undefined) return undefined;
      records.push(record);
    } while (this.#take(comma));
    return this.#take(closeList) && this.at === this.json.length ? records : undefined;
  }

  /** The record at hand. */
  record(): Fields | undefined {
    if (!this.#take(openRecord)) return undefined;
    const { names } = this.#wanted;
    const found = this.#found;
    found.fill(undefined);
    if (!this.#take(closeRecord)) {
      do {
        const index = this.#key();
        if (!this.#take(colon)) return undefined;
        if (index < 0) this.#skip();
        else found[index] = this.#value();
        if (this.#odd) return undefined;
      } while (this.#take(comma));
      if (!this.#take(closeRecord)) return undefined;
    }
    const record: Record<string, FieldValue> = {};
    for (let i = 0; i < names.length; i++) {
      const value = found[i];
      if (value !== undefined) record[names[i] ?? ''] = value;
    }
    return record;
  }

  #take(byte: number): boolean {
    if (this.json[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  /** Which name it is; -1 for another. */
  #key(): number {
    const json = this.json;
    if (!this.#take(quote)) this.#odd = true;
    const from = this.at;
    this.#skipText();
    const length = this.at - 1 - from;
    const { keys } = this.#wanted;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key?.length !== length) continue;
      let same = 0;
      while (same < length && json[from + same] === key[same]) same++;
      if (same === length) return i;
    }
    return -1;
  }

  /** Behind the closing quote of a text, from within it. */
  #skipText(): void {
    const json = this.json;
    let at = this.at;
    for (; at < json.length; at++) {
      const byte = json[at];
      if (byte === backslash) at++;
      else if (byte === quote) {
        this.at = at + 1;
        return;
      }
    }
    this.#odd = true;
  }

  /** Undefined for null, which no key is made of. */
  #value(): FieldValue | undefined {
    const json = this.json;
    const from = this.at;
    const first = json[from] ?? 0;
    if (first === quote) {
      this.at++;
      this.#skipText();
      const text = json.toString('utf8', from + 1, this.at - 1);
      return text.includes('\\') ? this.#escaped(json.toString('utf8', from, this.at)) : text;
    }
    if (first === openRecord || first === openList) {
      this.#odd = true;
      return undefined;
    }
    if (first === t || first === f || first === n) {
      this.#skip();
      return first === n ? undefined : first === t;
    }
    return this.#number();
  }

  #escaped(text: string): string | undefined {
    try {
      return JSON.parse(text) as string;
    } catch {
      this.#odd = true;
      return undefined;
    }
  }

  #number(): number | undefined {
    const json = this.json;
    const from = this.at;
    let value = 0;
    let at = from;
    for (let byte = json[at] ?? 0; byte >= zero && byte <= nine; byte = json[++at] ?? 0)
      value = value * 10 + byte - zero;
    const end = json[at];
    if (at > from && at - from <= mostDigits && (end === comma || end === closeRecord)) {
      this.at = at;
      return value;
    }
    this.#skip();
    const number = Number(json.toString('latin1', from, this.at));
    const begins = json[from] ?? 0;
    if (!Number.isFinite(number) || (begins !== minus && (begins < zero || begins > nine))) this.#odd = true;
    return number;
  }

  /** Behind a value. */
  #skip(): void {
    const json = this.json;
    const { length } = json;
    let at = this.at;
    let depth = 0;
    while (at < length) {
      const byte = json[at];
      if (byte === quote) {
        this.at = at + 1;
        this.#skipText();
        at = this.at;
        if (depth === 0) return;
        continue;
      }
      if (byte === openRecord || byte === openList) depth++;
      else if (byte === closeRecord || byte === closeList) {
        if (depth === 0) break;
        if (--depth === 0) {
          at++;
          break;
        }
      } else if (byte === comma && depth === 0) break;
      at++;
    }
    this.at = at;
    if (at === length) this.#odd = true;
  }
}
