import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { WatchnextError } from '../errors.js';
import type { TableOptions } from './types.js';

/**
 * A table's file, little-endian:
 *
 *   0   8 bytes   "wntable" and a zero byte
 *   8   uint32    format version, 1
 *   12  uint32    bytes of the header, a multiple of 4
 *   16  header    JSON (TableHeader), padded with spaces
 *       sections  4-byte words, in the header's order
 *       32 bytes  SHA-256 of everything before
 */
const magic = Buffer.from('wntable\0', 'latin1');
const version = 1;
const prefixBytes = 16;
const checksumBytes = 32;
/** Far above any sensible width: a file cannot make an empty table large. */
const maxDim = 65536;

export interface TableHeader {
  readonly options: TableOptions;
  readonly rows: number;
  readonly epoch: number;
  readonly steps: number;
  /** Sightings counted since the sketch was last halved. */
  readonly sighted: number;
  readonly sections: readonly { readonly name: string; readonly words: number }[];
}

export interface Section {
  readonly name: string;
  readonly values: Uint32Array | Float32Array;
}

export interface TableFile {
  readonly header: TableHeader;
  /** The words of a section, which must have exactly this many; a copy, aligned. */
  section(name: string, words: number): Uint32Array;
  /** How many words a section has; undefined if there is none of that name. */
  words(name: string): number | undefined;
}

export function writeTableFile(header: Omit<TableHeader, 'sections'>, sections: readonly Section[]): Uint8Array {
  requireLittleEndian();
  const lengths = sections.map(({ name, values }) => ({ name, words: values.length }));
  const { options, rows, epoch, steps, sighted } = header;
  const text = JSON.stringify({ options: ordered(options), rows, epoch, steps, sighted, sections: lengths });
  const headerBytes = Buffer.from(text.padEnd(text.length + ((4 - (Buffer.byteLength(text) % 4)) % 4)));
  const words = lengths.reduce((sum, section) => sum + section.words, 0);
  const bytes = Buffer.alloc(prefixBytes + headerBytes.length + 4 * words + checksumBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(headerBytes.length, 12);
  headerBytes.copy(bytes, prefixBytes);
  let at = prefixBytes + headerBytes.length;
  for (const { values } of sections) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  bytes.set(sha256(bytes.subarray(0, at)), at);
  return bytes;
}

/** Checks before it believes: size, magic, version, checksum, header, and that the sections fill the file exactly. */
export function readTableFile(bytes: Uint8Array, name: string): TableFile {
  requireLittleEndian();
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = file.length - checksumBytes;
  if (end < prefixBytes || !file.subarray(0, 8).equals(magic)) throw damaged(name, 'it is not an embedding table');
  if (file.readUInt32LE(8) !== version) {
    throw damaged(name, `its format is version ${file.readUInt32LE(8)}; this program reads version ${version}`);
  }
  if (!sha256(file.subarray(0, end)).equals(file.subarray(end))) {
    throw damaged(name, 'its checksum does not match its contents');
  }
  const bodyAt = prefixBytes + file.readUInt32LE(12);
  const header = bodyAt <= end ? parseHeader(file.toString('utf8', prefixBytes, bodyAt)) : undefined;
  if (header === undefined) throw damaged(name, 'its header cannot be read');
  const places = new Map<string, { at: number; words: number }>();
  let at = bodyAt;
  for (const section of header.sections) {
    places.set(section.name, { at, words: section.words });
    at += 4 * section.words;
  }
  if (at !== end) throw damaged(name, `its sections add up to ${at - bodyAt} bytes, it holds ${end - bodyAt}`);
  return {
    header,
    words: (wanted) => places.get(wanted)?.words,
    section: (wanted, words) => {
      const place = places.get(wanted);
      if (place?.words !== words) {
        throw damaged(name, `its section ${wanted} should hold ${words} words, it holds ${place?.words ?? 'none'}`);
      }
      return new Uint32Array(new Uint8Array(file.subarray(place.at, place.at + 4 * words)).buffer);
    },
  };
}

function parseHeader(text: string): TableHeader | undefined {
  try {
    const header = JSON.parse(text) as TableHeader;
    const { options, rows, epoch, steps, sighted, sections } = header;
    const counts = [rows, epoch, steps, sighted, options.dim, ...sections.map(({ words }) => words)];
    const sound = counts.every((value) => Number.isSafeInteger(value) && value >= 0) && soundOptions(options);
    return sound ? header : undefined;
  } catch {
    // No JSON, or JSON of another shape.
    return undefined;
  }
}

function soundOptions({ dim, seed, init, optimizer, ...rest }: TableOptions): boolean {
  const { penalty, minCount, expireMs, averaging } = rest;
  return (
    dim >= 1 &&
    dim <= maxDim &&
    [seed, penalty, minCount, expireMs, averaging].every((value) => value === undefined || Number.isFinite(value)) &&
    (init === undefined || (['normal', 'uniform'].includes(init.kind) && Number.isFinite(init.deviation))) &&
    (optimizer === undefined ||
      (['rowwise_adagrad', 'lazy_adam'].includes(optimizer.kind) && Number.isFinite(optimizer.rate)))
  );
}

/** Options with their keys in one order, so that equal tables are equal files. */
function ordered(options: TableOptions): TableOptions {
  const { dim, seed, ...rest } = options;
  return { dim, seed, ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function damaged(name: string, why: string): WatchnextError {
  return new WatchnextError('artifact_damaged', `The embedding table ${name} was refused: ${why}.`, {
    problems: [{ path: name, message: why, hint: 'Restore the file, or train the model again.' }],
  });
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Files are copied to and from memory as they are; every machine Node runs well on today is little-endian. */
function requireLittleEndian(): void {
  if (endianness() !== 'LE') throw new Error('Embedding tables need a little-endian machine.');
}
