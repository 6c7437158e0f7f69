import { WatchnextError } from '../errors.js';
import { Names } from './names.js';
import type { EventId } from './types.js';

/** What bytes that cannot be read are answered with, everywhere in this folder. */
export const unreadable = (reason: string, cause?: unknown): WatchnextError =>
  new WatchnextError('event_invalid', `These bytes are no event: ${reason}.`, {
    problems: [{ path: 'event', message: reason }],
    ...(cause !== undefined && { cause }),
  });

/** How ids and texts lie in the bytes: ids by a tag, texts as ASCII or UTF-16, so that every text comes back as it was. */
const idTags = { none: 0, text: 1, u32: 2, f64: 3 } as const;

const names = new Names();

/** Collects one record, little-endian. It is reused from record to record, and its memory with it. */
export class ByteWriter {
  #bytes = Buffer.alloc(4096);
  length = 0;

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.#room(4);
    this.length = this.#bytes.writeUInt32LE(value, this.length);
  }

  f64(value: number): void {
    this.#room(8);
    this.length = this.#bytes.writeDoubleLE(value, this.length);
  }

  /** A count below 2^32, short if it is small: 7 bits a byte. */
  count(value: number): void {
    this.#room(5);
    let left = value;
    for (; left > 0x7f; left >>>= 7) this.#bytes[this.length++] = (left & 0x7f) | 0x80;
    this.#bytes[this.length++] = left;
  }

  text(value: string): void {
    this.#room(5 + 2 * value.length);
    const start = this.length;
    this.count(2 * value.length);
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) {
        this.length = start;
        this.count(2 * value.length + 1);
        this.length += this.#bytes.write(value, this.length, 'utf16le');
        return;
      }
      this.#bytes[this.length++] = unit;
    }
  }

  id(value: EventId | undefined): void {
    if (value === undefined) {
      this.u8(idTags.none);
    } else if (typeof value === 'string') {
      this.u8(idTags.text);
      this.text(value);
    } else if (value >>> 0 === value && !Object.is(value, -0)) {
      this.u8(idTags.u32);
      this.u32(value);
    } else {
      this.u8(idTags.f64);
      this.f64(value);
    }
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Text of any length as UTF-8, after its length; of several texts, one behind the other. */
  utf8(texts: readonly string[]): void {
    this.u32(0);
    const start = this.length;
    for (const text of texts) {
      this.#room(3 * text.length);
      const unit = text.charCodeAt(0);
      if (text.length === 1 && unit < 0x80) {
        // What stands between two records; a call would take ten times as long.
        this.#bytes[this.length++] = unit;
        continue;
      }
      // What is ASCII is copied as it is, which is ten times as fast.
      const encoding = Buffer.byteLength(text) === text.length ? 'latin1' : 'utf8';
      this.length += this.#bytes.write(text, this.length, encoding);
    }
    this.patch(start - 4, this.length - start);
  }

  /** Zeros up to the next multiple; answers where that is. */
  align(multiple: number): number {
    this.#room(multiple);
    while (this.length % multiple !== 0) this.#bytes[this.length++] = 0;
    return this.length;
  }

  /** Overwrites four bytes that were written before. */
  patch(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value >>> 0, at);
  }

  /** The record, in memory of its own; the writer is empty then. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.length);
    taken.set(this.#bytes.subarray(0, this.length));
    this.length = 0;
    return taken;
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, this.length + bytes));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

/** Reads what a ByteWriter wrote. Nothing is read or allocated beyond the bytes that are there: throws event_invalid. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.at;
  }

  u8(): number {
    return this.#bytes[this.#skip(1)] ?? 0;
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#skip(4));
  }

  f64(): number {
    return this.#bytes.readDoubleLE(this.#skip(8));
  }

  count(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw unreadable('a count has no end');
  }

  /** How many things follow, each of at least `leastBytes`. */
  listLength(leastBytes: number): number {
    const length = this.count();
    if (length * leastBytes > this.left) throw unreadable(`${length} entries do not fit into ${this.left} bytes`);
    return length;
  }

  text(): string {
    return this.#text(undefined);
  }

  /** A text that other records are likely to hold, too. */
  name(): string {
    return this.#text(names);
  }

  #text(known: Names | undefined): string {
    const head = this.count();
    const length = head >>> 1;
    if ((head & 1) === 1) {
      const start = this.#skip(2 * length);
      return this.#bytes.toString('utf16le', start, start + 2 * length);
    }
    const start = this.#skip(length);
    const end = start + length;
    return known === undefined ? this.#bytes.toString('latin1', start, end) : known.read(this.#bytes, start, end);
  }

  id(): EventId | undefined {
    const tag = this.u8();
    if (tag === idTags.none) return undefined;
    if (tag === idTags.text) return this.text();
    if (tag === idTags.u32) return this.u32();
    if (tag === idTags.f64) return this.f64();
    throw unreadable(`an id of kind ${tag} is not known`);
  }

  /** An id that must be there. */
  givenId(): EventId {
    const id = this.id();
    if (id === undefined) throw unreadable('an id is missing');
    return id;
  }

  utf8(): string {
    const length = this.u32();
    const start = this.#skip(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** Of a long text, its bytes as a view. */
  sized(): Buffer {
    const length = this.u32();
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The next bytes, as a view. */
  bytes(length: number): Uint8Array {
    const start = this.#skip(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  /** On, over so many bytes. */
  pass(length: number): void {
    this.#skip(length);
  }

  /** On to the next multiple. */
  align(multiple: number): void {
    this.#skip((multiple - (this.at % multiple)) % multiple);
  }

  #skip(length: number): number {
    const start = this.at;
    if (length > this.#end - start) throw unreadable(`it ends before ${length} more bytes`);
    this.at = start + length;
    return start;
  }
}
