import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { WatchnextError } from '../../errors.js';
import type { LogRecord } from '../types.js';
import { Cursor } from './cursor.js';
import { requireNoError } from './internals.js';
import { timeHeader, timeOf } from './timestamps.js';

/** What a broker's reply has of one partition. */
export interface FetchedPartition {
  readonly partition: number;
  /** One of Kafka's; 0 where all is well. */
  readonly errorCode: number;
  readonly batches: readonly Batch[];
}

export interface Batch {
  /** The offset of its first record, and the one after its last; those between need not all be there. */
  readonly first: number;
  readonly next: number;
  readonly firstTime: number;
  readonly isAppendTime: boolean;
  readonly isPacked: boolean;
  /** How many records the body has; none where it tells of transactions. */
  readonly records: number;
  readonly body: Buffer;
}

const THROTTLE_BYTES = 4;
const SESSION_BYTES = 4;
/** Three offsets of the partition's bounds. */
const BOUNDS_BYTES = 24;
const ABORTED_BYTES = 16;
const REPLICA_BYTES = 4;
/** A batch's offset and length, which its length does not count. */
const PREFIX_BYTES = 12;
/** After the leader's epoch; a checksum follows, then the attributes. */
const FORMAT_AT = 16;
const ATTRIBUTES_AT = 21;
const RECORDS_AT = 57;
const FORMAT = 2;
const CODEC_MASK = 0x7;
const GZIP = 1;
const APPEND_TIME = 0x8;
const CONTROL = 0x20;
const ALIGNMENT = 8;
const EMPTY = new Uint8Array(0);

const gunzip = promisify(unzip);

/**
 * Reads a reply to Fetch of version 11 with record batches of version 2 (https://kafka.apache.org/protocol), asked for one
 * topic. A batch that is cut off at the end is left out: it comes whole when it is asked for next. What is compressed is
 * unpacked by other threads. Rejects with log_damaged for another format or codec and for damage, with what kafkajs throws where
 * all is refused.
 */
export async function readReply(reply: Buffer, topic: string): Promise<readonly FetchedPartition[]> {
  const cursor = new Cursor(reply, THROTTLE_BYTES);
  // A broker that refuses the request as a whole need not name a partition.
  requireNoError({ errorCode: cursor.i16() });
  cursor.pass(SESSION_BYTES);
  const found: FetchedPartition[] = [];
  for (let topics = cursor.i32(); topics > 0; topics--) {
    cursor.pass(cursor.i16());
    for (let partitions = cursor.i32(); partitions > 0; partitions--) {
      const [partition, errorCode] = [cursor.i32(), cursor.i16()];
      cursor.pass(BOUNDS_BYTES);
      cursor.pass(ABORTED_BYTES * cursor.i32());
      cursor.pass(REPLICA_BYTES);
      const start = cursor.pass(cursor.i32());
      found.push({ partition, errorCode, batches: batchesOf(reply.subarray(start, cursor.at), topic) });
    }
  }
  return Promise.all(
    found.map(async ({ batches, ...of }) => {
      const unpacking = batches.map((batch) =>
        unpacked(batch).catch((error: unknown) => {
          throw damaged({ topic, partition: of.partition, offset: batch.first }, error);
        }),
      );
      return { ...of, batches: await Promise.all(unpacking) };
    }),
  );
}

function batchesOf(bytes: Buffer, topic: string): Batch[] {
  const batches: Batch[] = [];
  for (let at = 0; at + PREFIX_BYTES <= bytes.length;) {
    const end = at + PREFIX_BYTES + bytes.readInt32BE(at + 8);
    if (end > bytes.length || end < at + RECORDS_AT) break;
    batches.push(batchOf(bytes.subarray(at, end), topic));
    at = end;
  }
  return batches;
}

function batchOf(bytes: Buffer, topic: string): Batch {
  const format = bytes[FORMAT_AT] ?? 0;
  if (format !== FORMAT) throw unreadable(topic, `the format ${format} of before Kafka 0.11`);
  const cursor = new Cursor(bytes);
  const first = cursor.i64();
  cursor.at = ATTRIBUTES_AT;
  const attributes = cursor.i16();
  const next = first + cursor.i32() + 1;
  const firstTime = cursor.i64();
  cursor.at = RECORDS_AT;
  const codec = attributes & CODEC_MASK;
  if (codec > GZIP) throw unreadable(topic, 'another compression than gzip');
  return {
    first,
    next,
    firstTime,
    isAppendTime: (attributes & APPEND_TIME) !== 0,
    isPacked: codec === GZIP,
    records: (attributes & CONTROL) === 0 ? cursor.i32() : 0,
    body: bytes.subarray(RECORDS_AT + 4),
  };
}

const unpacked = async (batch: Batch): Promise<Batch> =>
  batch.isPacked && batch.records > 0 ? { ...batch, isPacked: false, body: await gunzip(batch.body) } : batch;

const unreadable = (topic: string, what: string): WatchnextError =>
  new WatchnextError('log_damaged', `topic ${topic} has records that cannot be read`, {
    problems: [
      {
        path: topic,
        message: `has a batch in ${what}`,
        hint: 'write the topic anew, with gzip or without compression',
      },
    ],
  });

/** It would be the same however often it is asked for. */
const damaged = (
  { topic, partition, offset }: { readonly topic: string; readonly partition: number; readonly offset: number },
  cause: unknown,
): WatchnextError =>
  new WatchnextError('log_damaged', `topic ${topic} has records that cannot be read`, {
    problems: [
      {
        path: `${topic}/${partition}`,
        message: `the batch at offset ${offset} is damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
        hint: 'let a replica that is whole lead the partition, or remove the records up to there and start from what is kept',
      },
    ],
    cause,
  });

interface Wanted {
  readonly partition: number;
  readonly topic: string;
  readonly from: number;
}

/**
 * The records of a batch from offset `from` on. Each value is copied once, to a multiple of eight bytes in memory that it
 * shares with its batch: there it can be read as words, and the reply is free as soon as it is read. The checksum of the
 * batch is left to those that the records have. Throws log_damaged for what is no batch.
 */
export function recordsOf(batch: Batch, wanted: Wanted): LogRecord[] {
  try {
    return read(batch, wanted);
  } catch (error) {
    throw error instanceof WatchnextError ? error : damaged({ ...wanted, offset: batch.first }, error);
  }
}

function read(batch: Batch, { partition, topic, from }: Wanted): LogRecord[] {
  const { body, first, firstTime, isAppendTime } = batch;
  if (batch.records > body.length) throw new RangeError(`${batch.records} records do not fit ${body.length} bytes`);
  const cursor = new Cursor(body);
  const records: LogRecord[] = [];
  const slab = Buffer.allocUnsafeSlow(body.length + ALIGNMENT * Math.max(0, batch.records));
  let free = 0;
  for (let left = batch.records; left > 0; left--) {
    const length = cursor.varint();
    const end = cursor.at + length;
    if (!(length > 0 && end <= body.length)) throw new RangeError(`a record of ${length} bytes does not fit its batch`);
    cursor.pass(1);
    const stamp = firstTime + cursor.varint();
    const offset = first + cursor.varint();
    cursor.pass(cursor.varint());
    const size = cursor.varint();
    const start = cursor.pass(size);
    const time = timeOf({ stamp, isAppendTime, header: timeHeader(cursor) }, topic);
    cursor.at = end;
    if (offset < from) continue;
    let value: Uint8Array = EMPTY;
    if (size > 0) {
      body.copy(slab, free, start, start + size);
      value = slab.subarray(free, free + size);
      free += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    }
    records.push({ partition, offset, time, value });
  }
  return records;
}
