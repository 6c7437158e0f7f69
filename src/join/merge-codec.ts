import { decodeFrame, encodeFrame } from '../features/index.js';
import type { PartitionPlace } from './merge.js';
import { packEvents, unpackEvents } from './packing.js';
import type { MergedEvent } from './types.js';

const format = { magic: 'WNJM', version: 1, what: 'merge of partitions' };
/** partition, next offset, largest time, its offset. */
const width = 4;

/** A merge as bytes: where its partitions stand and the events that wait, in their order. */
export const encodeMerge = (places: readonly PartitionPlace[], waiting: readonly MergedEvent[]): Uint8Array =>
  encodeFrame(format, {}, [
    Float64Array.from(places.flatMap(({ partition, next, largest, leader }) => [partition, next, largest, leader])),
    ...packEvents(waiting),
  ]);

/** Throws artifact_damaged for anything that encodeMerge did not write. */
export function decodeMerge(bytes: Uint8Array): { places: PartitionPlace[]; waiting: MergedEvent[] } {
  const frame = decodeFrame(bytes, format);
  const placed = frame.next('f64');
  if (placed.length % width !== 0) throw frame.damaged('a place is cut short');
  const places = Array.from({ length: placed.length / width }, (_, i): PartitionPlace => {
    const [partition = 0, next = 0, largest = 0, leader = 0] = placed.subarray(i * width);
    return { partition, next, largest, leader };
  });
  return { places, waiting: unpackEvents(frame) };
}
