import { WatchnextError } from '../../errors.js';
import { checksum } from './checksum.js';

/**
 * The container of this folder's binary formats: a JSON header and typed arrays, little-endian, checked as a whole.
 *
 *   u32[6]   magic, version, checksum of all that follows it, total bytes, header bytes, number of arrays
 *   u32[2n]  per array: element type (1 f32, 2 i32, 3 u32, 4 f64), number of elements
 *   header   UTF-8 JSON
 *   arrays   one after the other
 * Each part starts on a multiple of 8 bytes, so that arrays are views of the bytes where these are aligned themselves.
 */
export interface Format {
  /** Four ASCII characters. */
  readonly magic: string;
  readonly version: number;
  /** Versions before it that are read, too. */
  readonly older?: readonly number[];
  /** For messages: what these bytes are. */
  readonly what: string;
  /** Whether many frames have the same header: those that were parsed lately are remembered, and must not be changed. */
  readonly sharesHeaders?: boolean;
}

export type FrameArray = Float32Array | Int32Array | Uint32Array | Float64Array;
interface Elements {
  f32: Float32Array;
  i32: Int32Array;
  u32: Uint32Array;
  f64: Float64Array;
}
const codes = { f32: 1, i32: 2, u32: 3, f64: 4 } as const;
const constructors = [undefined, Float32Array, Int32Array, Uint32Array, Float64Array] as const;
const fixedWords = 6;
const align = (bytes: number): number => Math.ceil(bytes / 8) * 8;
const mostBytes = 2 ** 32 - 8;

export function encodeFrame(
  { magic, version, what }: Format,
  header: unknown,
  arrays: readonly FrameArray[],
): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = align(4 * (fixedWords + 2 * arrays.length));
  const total = arrays.reduce((end, array) => end + align(array.byteLength), start + align(json.length));
  if (total > mostBytes) throw new RangeError(`A ${what} of ${total} bytes is too large: the most is ${mostBytes}.`);
  const bytes = new Uint8Array(total);
  const words = new Uint32Array(bytes.buffer);
  words.set([magicWord(magic), version, 0, total, json.length, arrays.length]);
  bytes.set(json, start);
  let at = start + align(json.length);
  arrays.forEach((array, i) => {
    words[fixedWords + 2 * i] = codeOf(array);
    words[fixedWords + 2 * i + 1] = array.length;
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += align(array.byteLength);
  });
  words[2] = checksum(words, 3);
  return bytes;
}

export interface Frame {
  readonly version: number;
  /** Of all its bytes: names it among others. */
  readonly checksum: number;
  /** As parsed from JSON: to be checked by who reads it. */
  readonly header: unknown;
  /** All of it, from its first byte. */
  readonly words: Uint32Array;
  /** The next array, a view of the bytes; damaged unless it has this type, and this many elements if given. */
  next<T extends keyof Elements>(type: T, length?: number): Elements[T];
  /** As `next`, without an array: at which word it begins. */
  place(type: keyof Elements, length?: number): number;
  /** How many arrays are left. */
  readonly left: number;
  /** The error to throw when the parts do not fit together. */
  damaged(reason: string): WatchnextError;
}

const damagedAs =
  (what: string) =>
  (reason: string): WatchnextError =>
    new WatchnextError('artifact_damaged', `These bytes are no ${what}: ${reason}.`, {
      problems: [{ path: what, message: reason, hint: 'write it again from its source' }],
    });

/** Bytes from which `frameBytes` tells how long a frame is. */
export const frameBegin = 4 * fixedWords;

/** How many bytes a frame takes that begins with these, where `left` are left; throws artifact_damaged if that cannot be. */
export function frameBytes(begin: Uint8Array, left: number, what: string): number {
  const damaged = damagedAs(what);
  if (begin.length < frameBegin) throw damaged('it is cut short');
  const total = new DataView(begin.buffer, begin.byteOffset).getUint32(12, true);
  if (total < frameBegin || total % 8 !== 0) throw damaged(`no frame has ${total} bytes`);
  if (total > left) throw damaged(`${left} bytes of ${total}`);
  return total;
}

/** The checksum of a whole frame. */
export const frameChecksum = ({ buffer, byteOffset }: Uint8Array): number =>
  new DataView(buffer, byteOffset).getUint32(8, true);

/** Throws artifact_damaged for anything that encodeFrame did not write, before it allocates anything. */
export function decodeFrame(input: Uint8Array, format: Format): Frame {
  const damaged = damagedAs(format.what);
  const { byteLength } = input;
  if (byteLength < 4 * fixedWords || byteLength % 8 !== 0) throw damaged(`${byteLength} bytes cannot be complete`);
  // Not slice(): of a Buffer that is a view.
  const bytes = input.byteOffset % 8 === 0 ? input : new Uint8Array(input);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, byteLength / 4);
  const [magic, version = 0, sum = 0, total = 0, jsonBytes = 0, count = 0] = words;
  if (magic !== magicWord(format.magic)) throw damaged('the first bytes are not its magic number');
  if (version !== format.version && format.older?.includes(version) !== true)
    throw damaged(`version ${version} is not ${format.version}`);
  if (total !== byteLength) throw damaged(`${byteLength} bytes of ${total}`);
  if (sum !== checksum(words, 3)) throw damaged('the checksum does not match');

  const start = align(4 * (fixedWords + 2 * count));
  if (start + align(jsonBytes) > byteLength) throw damaged('its directory is longer than it');
  const json = Buffer.from(bytes.buffer, bytes.byteOffset + start, jsonBytes);
  const header = format.sharesHeaders === true ? parseShared(json, damaged) : parse(json, damaged);
  let at = start + align(jsonBytes);
  let index = 0;
  const place = (type: keyof Elements, length?: number): number => {
    const elements = words[fixedWords + 2 * index + 1] ?? 0;
    const size = elements * constructors[codes[type]].BYTES_PER_ELEMENT;
    const fits = index < count && words[fixedWords + 2 * index] === codes[type] && at + size <= byteLength;
    if (!fits || (length !== undefined && length !== elements)) throw damaged(`array ${index} is not as expected`);
    const found = at / 4;
    at += align(size);
    index++;
    return found;
  };
  return {
    version,
    checksum: sum,
    header,
    words,
    place,
    next<T extends keyof Elements>(type: T, length?: number): Elements[T] {
      const found = bytes.byteOffset + 4 * place(type, length);
      const elements = words[fixedWords + 2 * index - 1] ?? 0;
      return new constructors[codes[type]](bytes.buffer as ArrayBuffer, found, elements) as Elements[T];
    },
    get left() {
      return count - index;
    },
    damaged,
  };
}

/**
 * What `read` makes of the frame. A checksum is no protection against forgery: a header of another shape, which `read` stumbles
 * over with whatever error, is artifact_damaged too.
 */
export function readFrame<T>(input: Uint8Array, format: Format, read: (frame: Frame) => T): T {
  const frame = decodeFrame(input, format);
  try {
    return read(frame);
  } catch (error) {
    throw error instanceof WatchnextError ? error : frame.damaged('its parts are not as they should be');
  }
}

/** Parsing takes longer than all else about a small frame. The latest first. */
const knownHeaders: { readonly json: Buffer; readonly header: unknown }[] = [];
const mostHeaders = 16;

function parseShared(json: Buffer, damaged: Frame['damaged']): unknown {
  const place = knownHeaders.findIndex((each) => each.json.equals(json));
  const found = knownHeaders[place] ?? { json: Buffer.from(json), header: parse(json, damaged) };
  if (place === 0) return found.header;
  if (place > 0) knownHeaders.splice(place, 1);
  if (knownHeaders.unshift(found) > mostHeaders) knownHeaders.pop();
  return found.header;
}

function parse(json: Uint8Array, damaged: (reason: string) => WatchnextError): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(json));
  } catch {
    throw damaged('its header is not JSON');
  }
}

function codeOf(array: FrameArray): number {
  if (array instanceof Float32Array) return codes.f32;
  if (array instanceof Int32Array) return codes.i32;
  return array instanceof Uint32Array ? codes.u32 : codes.f64;
}

/** As its four bytes are read, little-endian. */
function magicWord(magic: string): number {
  let word = 0;
  for (let i = 3; i >= 0; i--) word = (word << 8) | magic.charCodeAt(i);
  return word >>> 0;
}
