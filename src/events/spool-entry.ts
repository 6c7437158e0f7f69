import { ByteReader, ByteWriter, unreadable } from './bytes.js';
import type { NewRecord } from './types.js';

/**
 * A record on its way to another log, kept with where it goes: by its key, because the other log may have another number
 * of partitions. u8 kind (0 key, 1 partition), f64 time, text key or u32 partition, then the value.
 */
const byKey = 0;
const byPartition = 1;

const writer = new ByteWriter();

export const encodeSpooled = (record: NewRecord): Uint8Array => {
  const keyed = 'key' in record;
  writer.length = 0;
  writer.u8(keyed ? byKey : byPartition);
  writer.f64(record.time);
  if (keyed) writer.text(record.key);
  else writer.u32(record.partition);
  writer.bytes(record.value);
  return writer.take();
};

/** Throws event_invalid. */
export const decodeSpooled = (bytes: Uint8Array): NewRecord => {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const time = reader.f64();
  if (kind === byKey) return { key: reader.text(), time, value: reader.bytes(reader.left) };
  if (kind === byPartition) return { partition: reader.u32(), time, value: reader.bytes(reader.left) };
  throw unreadable(`a spooled record of kind ${kind} is not known`);
};
