import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder, writeDurably } from '../../src/durable.js';
import { WatchnextError } from '../../src/errors.js';

const magic = Buffer.from('watchnext sections 1\n', 'latin1');
const digestBytes = 32;
/** Headers are small; anything larger is no file of ours. */
const maxHeaderBytes = 64 * 2 ** 20;

const types = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
} as const;
type TypeName = keyof typeof types;
export type SectionArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** A JSON header and named arrays, kept in their order. */
export interface Sections {
  readonly header: unknown;
  readonly arrays: ReadonlyMap<string, SectionArray>;
}

interface Head {
  readonly header: unknown;
  readonly sections: readonly { readonly name: string; readonly type: TypeName; readonly byteLength: number }[];
}

/** As bytes: magic, uint32 length of the head, the head as JSON, the arrays one after the other, SHA-256 of all that. */
export function encodeSections(sections: Sections): Uint8Array {
  return Buffer.concat(partsOf(sections));
}

/**
 * Writes beside the file's place, syncs and renames: whatever happens, the file is the one before or this one. No copy of
 * the arrays is made.
 */
export async function writeSections(path: string, sections: Sections): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    // What a killed process of this number left is no reason to fail.
    await rm(beside, { force: true });
    await writeDurably(beside, ...partsOf(sections));
    await rename(beside, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** What was encoded; throws artifact_damaged with the name for anything else, cut or changed. */
export async function decodeSections(bytes: Uint8Array, name: string): Promise<Sections> {
  let at = 0;
  return readParts(name, bytes.byteLength, (length) => {
    at += length;
    return Promise.resolve(new Uint8Array(bytes.subarray(at - length, at)));
  });
}

/** What was written there, array by array, so that a file may be larger than a buffer; undefined if there is no file. */
export async function readSections(path: string): Promise<Sections | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    return await readParts(path, size, async (length) => {
      const bytes = new Uint8Array(length);
      for (let read = 0; read < length;) {
        const { bytesRead } = await file.read(bytes, read, Math.min(length - read, 2 ** 30));
        if (bytesRead === 0) throw damaged(path, 'it ends early');
        read += bytesRead;
      }
      return bytes;
    });
  } finally {
    await file.close();
  }
}

function partsOf({ header, arrays }: Sections): Uint8Array[] {
  const entries = [...arrays];
  const head: Head = {
    header,
    sections: entries.map(([name, values]) => ({ name, type: typeOf(values), byteLength: values.byteLength })),
  };
  const text = Buffer.from(JSON.stringify(head));
  const parts: Uint8Array[] = [magic, new Uint8Array(Uint32Array.of(text.byteLength).buffer), text];
  for (const [, { buffer, byteOffset, byteLength }] of entries) {
    parts.push(new Uint8Array(buffer, byteOffset, byteLength));
  }
  const hash = createHash('sha256');
  for (const part of parts) hashed(hash, part);
  return [...parts, hash.digest()];
}

/** OpenSSL takes less than 2 GiB at once. */
function hashed(hash: Hash, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; at += 2 ** 30) hash.update(bytes.subarray(at, at + 2 ** 30));
}

async function readParts(
  name: string,
  size: number,
  take: (length: number) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Sections> {
  if (size < magic.length + 4 + digestBytes) throw damaged(name, 'it is too short');
  const hash = createHash('sha256');
  const next = async (length: number): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = await take(length);
    hashed(hash, bytes);
    return bytes;
  };
  if (!magic.equals(await next(magic.length))) throw damaged(name, 'it is of another kind or format');
  const [headBytes = 0] = new Uint32Array((await next(4)).buffer);
  let left = size - magic.length - 4 - digestBytes - headBytes;
  if (headBytes > maxHeaderBytes || left < 0) throw damaged(name, 'its head is cut');
  const text = await next(headBytes);
  const head = parseHead(text);
  left -= head?.sections.reduce((sum, { byteLength }) => sum + byteLength, 0) ?? 0;
  if (head === undefined || left !== 0) throw damaged(name, 'its head does not describe it');
  const arrays = new Map<string, SectionArray>();
  for (const section of head.sections) {
    const { buffer } = await next(section.byteLength);
    arrays.set(section.name, new types[section.type](buffer));
  }
  const digest = hash.digest();
  if (!digest.equals(await take(digestBytes))) throw damaged(name, 'its checksum does not match its contents');
  return { header: head.header, arrays };
}

/** Before the checksum is known, the head is believed only as far as it can do no harm. */
function parseHead(text: Uint8Array): Head | undefined {
  try {
    const head = JSON.parse(Buffer.from(text).toString()) as Head;
    const sound = head.sections.every(
      ({ name, type, byteLength }) =>
        typeof name === 'string' &&
        Object.hasOwn(types, type) &&
        Number.isSafeInteger(byteLength) &&
        byteLength >= 0 &&
        byteLength % types[type].BYTES_PER_ELEMENT === 0,
    );
    return sound ? head : undefined;
  } catch {
    // Not JSON, or of another shape.
    return undefined;
  }
}

function typeOf(values: SectionArray): TypeName {
  const found = (Object.keys(types) as TypeName[]).find((name) => values instanceof types[name]);
  if (found === undefined) throw new TypeError('a section is an array of float32, float64, int32, uint32 or uint8');
  return found;
}

const damaged = (name: string, why: string): WatchnextError =>
  new WatchnextError('artifact_damaged', `${name} was refused: ${why}.`, {
    problems: [{ path: name, message: why, hint: 'restore it, or train again' }],
  });
