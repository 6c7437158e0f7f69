import { checksum } from '../features/index.js';
import { ByteReader, unreadable, type ByteWriter } from './bytes.js';

/**
 * How every record of the log begins, little-endian:
 *
 *   u8 0x57   u8 version   u8 kind   u8 flags   u32 checksum   f64 event time
 * The body follows; the whole is padded with zeros to a multiple of 4 bytes (8 for impressions). The checksum covers all but
 * an impression's feature batch, which has one of its own: who only joins does not pay for it.
 */
const magic = 0x57;
const version = 1;
export const envelopeBytes = 16;
/** What an impression begins with instead of a plain body: where its feature batch starts. */
export const batchAt = envelopeBytes;

export const codes = { impression: 1, feedback: 2, item: 3, user: 4, marker: 5, deadLetter: 6, exposure: 7 } as const;
/** A flag: the fields hold values that JSON cannot say. */
export const markedFields = 1;

export interface Envelope {
  readonly code: number;
  readonly flags: number;
  readonly time: number;
  /** At the body. */
  readonly reader: ByteReader;
}

/** Starts a record; `seal` completes it. */
export function beginRecord(writer: ByteWriter, head: { code: number; flags?: number; time: number }): void {
  const { code, flags = 0, time } = head;
  if (!Number.isFinite(time)) throw unreadable(`its time ${time} is not a finite number of milliseconds`);
  writer.length = 0;
  writer.u8(magic);
  writer.u8(version);
  writer.u8(code);
  writer.u8(flags);
  writer.u32(0);
  writer.f64(time);
}

export function sealRecord(writer: ByteWriter): Uint8Array {
  writer.align(4);
  const bytes = writer.take();
  const words = new Uint32Array(bytes.buffer);
  const code = bytes[2] ?? 0;
  words[1] = sumOf(words, code === codes.impression ? (words[batchAt / 4] ?? 0) : bytes.length);
  return bytes;
}

/** Throws event_invalid for what is damaged, cut short or of a newer version. */
export function openRecord(bytes: Uint8Array): Envelope {
  const { length } = bytes;
  if (length < envelopeBytes || length % 4 !== 0) throw unreadable(`${length} bytes cannot be complete`);
  if (bytes[0] !== magic) throw unreadable('the first byte is not its magic number');
  const found = bytes[1] ?? 0;
  if (found > version) throw unreadable(`version ${found} is newer than ${version}, which this software reads`);
  if (found !== version) throw unreadable(`version ${found} does not exist`);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, length / 4);
  const code = bytes[2] ?? 0;
  const covered = code === codes.impression ? (words[batchAt / 4] ?? 0) : length;
  if (covered > length || covered < envelopeBytes || covered % 4 !== 0)
    throw unreadable('its parts do not fit into it');
  if (words[1] !== sumOf(words, covered)) throw unreadable('the checksum does not match');
  const reader = new ByteReader(bytes, 8);
  const time = reader.f64();
  if (!Number.isFinite(time)) throw unreadable('its time is not a finite number');
  return { code, flags: bytes[3] ?? 0, time, reader };
}

/** Of the first word and of everything from the time to `end` (bytes). */
const sumOf = (words: Uint32Array, end: number): number =>
  (checksum(words, 2, end / 4) ^ Math.imul(words[0] ?? 0, 0x9e3779b1)) >>> 0;
