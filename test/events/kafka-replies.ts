import { createRequire } from 'node:module';

/** kafkajs' own writer of the protocol, which its producer uses. */
export interface Encoder {
  readonly buffer: Buffer;
  writeInt8(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: unknown): Encoder;
  writeString(value: string): Encoder;
  writeBytes(value: Buffer): Encoder;
  writeVarInt(value: number): Encoder;
  writeVarLong(value: unknown): Encoder;
}

export interface Written {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

interface WrittenBatch {
  readonly compression: number;
  readonly firstOffset: unknown;
  readonly firstTimestamp: unknown;
  readonly lastOffsetDelta: number;
  readonly records: readonly Encoder[];
}

const load = createRequire(import.meta.url);
export const encoderOf = load('kafkajs/src/protocol/encoder') as new () => Encoder;
export const long = load('kafkajs/src/utils/long') as { fromValue(value: number | string): unknown };
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0') as (record: unknown) => Encoder;
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: WrittenBatch) => Promise<Encoder>;
};

export const topic = 'shop.events';
export const begin = 1_764_000_000_000;

export const batch = async (
  first: number,
  records: readonly Written[],
  { compression = 0, last = records.length - 1 } = {},
): Promise<Buffer> =>
  (
    await RecordBatch({
      compression,
      firstOffset: long.fromValue(String(first)),
      firstTimestamp: long.fromValue(String(begin)),
      lastOffsetDelta: last,
      records: records.map((record) =>
        encodeRecord({ ...record, timestampDelta: long.fromValue(record.timestampDelta) }),
      ),
    })
  ).buffer;

/** Of each partition its number, its error and its batches. */
export interface WrittenReply {
  /** Of the request as a whole. */
  readonly error?: number;
  readonly partitions: readonly (readonly [partition: number, error: number, batches: Buffer])[];
}

/** As brokers send it. */
export const reply = ({ error: ofAll = 0, partitions }: WrittenReply): Buffer => {
  const encoder = new encoderOf().writeInt32(0).writeInt16(ofAll).writeInt32(7).writeInt32(1).writeString(topic);
  encoder.writeInt32(partitions.length);
  for (const [partition, error, bytes] of partitions) {
    encoder.writeInt32(partition).writeInt16(error);
    for (const bound of [900, 900, 0]) encoder.writeInt64(long.fromValue(bound));
    // One transaction that was given up.
    encoder.writeInt32(1).writeInt64(long.fromValue(3)).writeInt64(long.fromValue(4));
    encoder.writeInt32(-1).writeBytes(bytes);
  }
  return encoder.buffer;
};

/** Of lengths that are no multiple of anything. */
export const value = (i: number): string => `value ${i} ${'x'.repeat((i * 37) % 300)}`;
export const written = (count: number): Written[] =>
  Array.from({ length: count }, (_, i) => ({
    offsetDelta: i,
    timestampDelta: 10 * i,
    key: i % 3 === 0 ? null : `key ${i}`,
    value: Buffer.from(value(i)),
  }));
