import { decodeEvent } from '../events/index.js';
import type { Frame } from '../features/index.js';
import type { MergedEvent } from './types.js';

/** Bytes of any lengths, one after the other, each on a multiple of 8: typed arrays can lie on what comes back. */
export function packBytes(parts: readonly Uint8Array[]): [lengths: Float64Array, words: Uint32Array] {
  const total = parts.reduce((sum, { length }) => sum + aligned(length), 0);
  const packed = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    packed.set(part, at);
    at += aligned(part.length);
  }
  return [Float64Array.from(parts, ({ length }) => length), new Uint32Array(packed.buffer)];
}

/** The next two arrays of a frame as the `count` parts that were packed: copies, so that none keeps the others in memory. */
export function unpackBytes(frame: Frame, count: number): Uint8Array[] {
  const lengths = frame.next('f64', count);
  const words = frame.next('u32');
  const packed = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  let at = 0;
  const parts = Array.from(lengths, (length) => {
    if (!Number.isSafeInteger(length) || length < 0) throw frame.damaged('a length is no length');
    at += aligned(length);
    return packed.slice(at - aligned(length), at - aligned(length) + length);
  });
  if (at !== packed.length) throw frame.damaged('its parts do not fit together');
  return parts;
}

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** time, partition, offset, from. */
const placeWidth = 4;

/** Merged events in this order, as arrays of a frame. */
export const packEvents = (events: readonly MergedEvent[]): (Float64Array | Uint32Array)[] => [
  Float64Array.from(events.flatMap(({ time, partition, offset, from }) => [time, partition, offset, from])),
  ...packBytes(events.map(({ value }) => value)),
];

export function unpackEvents(frame: Frame): MergedEvent[] {
  const places = frame.next('f64');
  if (places.length % placeWidth !== 0) throw frame.damaged('an event is cut short');
  return unpackBytes(frame, places.length / placeWidth).map((value, i) => {
    const [time = 0, partition = 0, offset = 0, from = 0] = places.subarray(i * placeWidth);
    return { time, partition, offset, from, value, event: decodeEvent(value) };
  });
}

type Numbers = Float32Array | Int32Array | Float64Array;

/** Arrays of one kind as one. */
export function concat<T extends Numbers>(Kind: new (length: number) => T, arrays: readonly T[]): T {
  const all = new Kind(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** Copies of one array's parts, one after the other. */
export const parts = <T extends ReturnType<Frame['next']>>(
  array: T,
): { readonly length: number; next(length: number): T } => {
  let at = 0;
  return {
    length: array.length,
    next(length) {
      at += length;
      return array.slice(at - length, at) as T;
    },
  };
};
