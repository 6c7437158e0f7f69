import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Cursor } from '../../src/events/kafka/cursor.js';
import { encoderOf, long, type Encoder } from './kafka-replies.js';

/** One broker on loopback that speaks as much of Kafka's protocol as the event log does, and lacks leaders when told so. */
export interface FakeBroker {
  readonly address: string;
  /** Partitions without a leader, of every topic. */
  readonly leaderless: Set<number>;
  close(): Promise<void>;
}

interface Stored {
  /** By this it is known when it comes again. */
  readonly identity: string;
  readonly first: number;
  readonly next: number;
  readonly bytes: Buffer;
}

const PRODUCE = 0;
const FETCH = 1;
const LIST_OFFSETS = 2;
const METADATA = 3;
const API_VERSIONS = 18;
const INIT_PRODUCER_ID = 22;
/** The newest that it knows of each. */
const versions = [
  [PRODUCE, 3],
  [FETCH, 11],
  [LIST_OFFSETS, 1],
  [METADATA, 1],
  [API_VERSIONS, 0],
  [INIT_PRODUCER_ID, 0],
] as const;
const UNSUPPORTED_VERSION = 35;
const NOT_LEADER_FOR_PARTITION = 6;
const LEADER_NOT_AVAILABLE = 5;
const NODE = 1;
const NO_LEADER = -1;
const EARLIEST = -2;
/** In a batch. */
const LAST_DELTA_AT = 23;
/** The producer's id, its epoch and the sequence number. */
const IDENTITY_AT = 43;
const IDENTITY_BYTES = 14;
const WAIT_MS = 20;

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
const text = (cursor: Cursor): string => {
  const length = cursor.i16();
  const start = cursor.pass(length);
  return cursor.bytes.toString('utf8', start, cursor.at);
};
const i64 = (encoder: Encoder, value: number): Encoder => encoder.writeInt64(long.fromValue(value));

/** Goes through the topics of a request and their partitions, and begins the reply to each. */
const each = (cursor: Cursor, to: Encoder, answer: (topic: string) => void): Encoder => {
  const topics = cursor.i32();
  to.writeInt32(topics);
  times(topics, () => {
    const topic = text(cursor);
    const count = cursor.i32();
    to.writeString(topic).writeInt32(count);
    times(count, () => answer(topic));
  });
  return to;
};

const apiVersions = (version: number): Encoder => {
  const error = version > 0 ? UNSUPPORTED_VERSION : 0;
  const to = new encoderOf().writeInt16(error).writeInt32(versions.length);
  for (const [key, newest] of versions) to.writeInt16(key).writeInt16(0).writeInt16(newest);
  return to;
};

export const startFakeBroker = async (partitions: number): Promise<FakeBroker> => {
  const leaderless = new Set<number>();
  const stored = new Map<string, Stored[]>();
  const sockets = new Set<Socket>();
  let port = 0;
  let producers = 0;

  const batchesOf = (topic: string, partition: number): Stored[] => {
    const place = `${topic}/${partition}`;
    const batches = stored.get(place) ?? [];
    stored.set(place, batches);
    return batches;
  };
  const endOf = (batches: readonly Stored[]): number => batches.at(-1)?.next ?? 0;
  const errorOf = (partition: number): number => (leaderless.has(partition) ? NOT_LEADER_FOR_PARTITION : 0);

  const metadata = (cursor: Cursor): Encoder => {
    const topics = times(Math.max(0, cursor.i32()), () => text(cursor));
    const to = new encoderOf().writeInt32(1).writeInt32(NODE).writeString('127.0.0.1').writeInt32(port).writeInt16(-1);
    to.writeInt32(NODE).writeInt32(topics.length);
    for (const topic of topics) {
      to.writeInt16(0).writeString(topic).writeInt8(0).writeInt32(partitions);
      for (let partition = 0; partition < partitions; partition++) {
        const lacks = leaderless.has(partition);
        to.writeInt16(lacks ? LEADER_NOT_AVAILABLE : 0).writeInt32(partition);
        to.writeInt32(lacks ? NO_LEADER : NODE);
        to.writeInt32(1).writeInt32(NODE).writeInt32(0);
      }
    }
    return to;
  };

  const produce = (cursor: Cursor): Encoder => {
    // The name of a transaction, and how it is to be acknowledged.
    text(cursor);
    cursor.pass(6);
    const to = new encoderOf();
    return each(cursor, to, (topic) => {
      const partition = cursor.i32();
      const start = cursor.pass(cursor.i32());
      const bytes = Buffer.from(cursor.bytes.subarray(start, cursor.at));
      const error = errorOf(partition);
      const batches = batchesOf(topic, partition);
      const first = endOf(batches);
      i64(i64(to.writeInt32(partition).writeInt16(error), first), -1);
      const identity = bytes.toString('hex', IDENTITY_AT, IDENTITY_AT + IDENTITY_BYTES);
      if (error !== 0 || batches.some((known) => known.identity === identity)) return;
      bytes.writeBigInt64BE(BigInt(first));
      batches.push({ identity, first, next: first + bytes.readInt32BE(LAST_DELTA_AT) + 1, bytes });
    }).writeInt32(0);
  };

  const fetch = (cursor: Cursor): Encoder => {
    cursor.pass(25);
    const to = new encoderOf().writeInt32(0).writeInt16(0).writeInt32(0);
    return each(cursor, to, (topic) => {
      const partition = cursor.i32();
      cursor.pass(4);
      const from = cursor.i64();
      cursor.pass(12);
      const batches = batchesOf(topic, partition);
      to.writeInt32(partition).writeInt16(errorOf(partition));
      for (const bound of [endOf(batches), endOf(batches), 0]) i64(to, bound);
      const wanted = errorOf(partition) === 0 ? batches.filter(({ next }) => next > from) : [];
      to.writeInt32(-1)
        .writeInt32(-1)
        .writeBytes(Buffer.concat(wanted.map(({ bytes }) => bytes)));
    });
  };

  const listOffsets = (cursor: Cursor): Encoder => {
    cursor.pass(4);
    const to = new encoderOf();
    return each(cursor, to, (topic) => {
      const [partition, time] = [cursor.i32(), cursor.i64()];
      const offset = time === EARLIEST ? 0 : endOf(batchesOf(topic, partition));
      i64(i64(to.writeInt32(partition).writeInt16(errorOf(partition)), -1), offset);
    });
  };

  const initProducerId = (): Encoder =>
    i64(new encoderOf().writeInt32(0).writeInt16(0), (producers += 1)).writeInt16(0);

  const answerTo = (cursor: Cursor, key: number, version: number): Encoder => {
    switch (key) {
      case PRODUCE:
        return produce(cursor);
      case FETCH:
        return fetch(cursor);
      case LIST_OFFSETS:
        return listOffsets(cursor);
      case METADATA:
        return metadata(cursor);
      case API_VERSIONS:
        return apiVersions(version);
      case INIT_PRODUCER_ID:
        return initProducerId();
      default:
        throw new Error(`request ${key} is not known here`);
    }
  };

  const onRequest = (socket: Socket, bytes: Buffer): void => {
    const cursor = new Cursor(bytes);
    const [key, version, correlation] = [cursor.i16(), cursor.i16(), cursor.i32()];
    text(cursor);
    const send = (): void => {
      const { buffer } = answerTo(cursor, key, version);
      const head = new encoderOf().writeInt32(buffer.length + 4).writeInt32(correlation).buffer;
      if (!socket.destroyed) socket.write(Buffer.concat([head, buffer]));
    };
    if (key === FETCH) setTimeout(send, WAIT_MS);
    else send();
  };

  const server = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => undefined));
    let waiting = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const end = 4 + waiting.readInt32BE(0);
        onRequest(socket, waiting.subarray(4, end));
        waiting = waiting.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  return {
    address: `127.0.0.1:${port}`,
    leaderless,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
