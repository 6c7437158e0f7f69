import { describe, expect, test } from '@jest/globals';
import { Cursor } from '../../src/events/kafka/cursor.js';
import { readReply, recordsOf, type FetchedPartition } from '../../src/events/kafka/fetched.js';
import { FetchedQueue } from '../../src/events/kafka/fetched-queue.js';
import type { LogRecord } from '../../src/events/index.js';
import {
  batch,
  begin,
  encoderOf,
  long,
  reply as replyOf,
  topic,
  value,
  written,
  type Written,
  type WrittenReply,
} from './kafka-replies.js';

const reply = (...partitions: WrittenReply['partitions']): Buffer => replyOf({ partitions });

const read = ({ partition, batches }: FetchedPartition, from = 0): LogRecord[] =>
  batches.flatMap((each) => recordsOf(each, { partition, topic, from }));

const plain = (records: readonly LogRecord[]): unknown[] =>
  records.map(({ partition, offset, time, value }) => [partition, offset, time, Buffer.from(value).toString()]);

describe('a reply of a Kafka broker', () => {
  test.each([
    ['uncompressed', 0],
    ['gzip', 1],
  ])('gives the records that were written, %s', async (_, compression) => {
    const bytes = await batch(5_000_000_000, written(200), { compression });
    const [found] = await readReply(reply([3, 0, bytes]), topic);
    expect(found).toMatchObject({ partition: 3, errorCode: 0, batches: [{ next: 5_000_000_200 }] });
    expect(plain(read(found!))).toEqual(
      Array.from({ length: 200 }, (_, i) => [3, 5_000_000_000 + i, begin + 10 * i, value(i)]),
    );
  });

  test('has every value where it can be read as words, apart from the reply', async () => {
    const bytes = reply([0, 0, await batch(0, written(20))]);
    const [found] = await readReply(bytes, topic);
    const records = read(found!);
    for (const record of records) {
      expect(record.value.byteOffset % 8).toBe(0);
      expect(record.value.buffer).not.toBe(bytes.buffer);
    }
    bytes.fill(0);
    expect(plain(records)[7]).toEqual([0, 7, begin + 70, value(7)]);
  });

  test('gives several batches of several partitions, each with its error', async () => {
    const both = Buffer.concat([await batch(10, written(2)), await batch(12, written(3))]);
    const fetched = await readReply(
      reply([1, 0, both], [2, 1, Buffer.alloc(0)], [0, 0, await batch(7, written(1))]),
      topic,
    );
    expect(fetched.map(({ partition, errorCode }) => [partition, errorCode])).toEqual([
      [1, 0],
      [2, 1],
      [0, 0],
    ]);
    expect(fetched.flatMap((each) => read(each).map(({ offset }) => offset))).toEqual([10, 11, 12, 13, 14, 7]);
  });

  test('leaves out what was read before, and where compaction removed records goes on after them', async () => {
    const kept = written(9).filter(({ offsetDelta }) => offsetDelta % 4 === 0);
    const [found] = await readReply(reply([0, 0, await batch(100, kept, { last: 11 })]), topic);
    expect(read(found!, 104).map(({ offset }) => offset)).toEqual([104, 108]);
    expect(found?.batches[0]?.next).toBe(112);
  });

  test('leaves out a batch that is cut off, wherever that is', async () => {
    const [whole, cut] = [await batch(0, written(3)), await batch(3, written(3))];
    for (let length = 0; length < cut.length; length++) {
      const [found] = await readReply(reply([0, 0, Buffer.concat([whole, cut.subarray(0, length)])]), topic);
      expect(found?.batches.map(({ next }) => next)).toEqual([3]);
    }
  });

  test('takes the time from a header, whatever other headers there are, and a value that is none as empty', async () => {
    const records: Written[] = [
      { offsetDelta: 0, timestampDelta: -5, key: 'k', value: null, headers: { trace: 'abc', time: '1000.5', a: '' } },
      { offsetDelta: 1, timestampDelta: 0, key: null, value: Buffer.alloc(0), headers: { timer: '7' } },
      { offsetDelta: 2, timestampDelta: -(2 ** 40), key: null, value: Buffer.from('z') },
    ];
    const [found] = await readReply(reply([0, 0, await batch(0, records)]), topic);
    expect(plain(read(found!))).toEqual([
      [0, 0, 1000.5, ''],
      [0, 1, begin, ''],
      [0, 2, begin - 2 ** 40, 'z'],
    ]);
  });

  test('tells of transactions in batches without records', async () => {
    const control = await batch(4, written(1));
    control.writeInt16BE(0x30, 21);
    const [found] = await readReply(reply([0, 0, Buffer.concat([control, await batch(5, written(1))])]), topic);
    expect(plain(read(found!))).toEqual([[0, 5, begin, value(0)]]);
  });

  test('is refused with its reason where the broker writes its own times, or the format or compression is another', async () => {
    const [appended, old, packed] = [
      await batch(0, written(1)),
      await batch(0, written(1)),
      await batch(0, written(1)),
    ];
    appended.writeInt16BE(0x8, 21);
    old[16] = 1;
    packed.writeInt16BE(4, 21);
    const [found] = await readReply(reply([0, 0, appended]), topic);
    expect(() => read(found!)).toThrow(/shop.events does not keep the times/);
    await expect(readReply(reply([0, 0, old]), topic)).rejects.toMatchObject({
      code: 'log_damaged',
      problems: [{ message: expect.stringContaining('format 1') as unknown }],
    });
    await expect(readReply(reply([0, 0, packed]), topic)).rejects.toMatchObject({
      code: 'log_damaged',
      problems: [{ message: expect.stringContaining('gzip') as unknown }],
    });
  });

  test('that is damaged gives no more than was written, or is refused', async () => {
    const bytes = reply([0, 0, await batch(0, written(4))]);
    for (const damage of [0xff, 0x7f, 0x00]) {
      for (let at = 4; at < bytes.length; at++) {
        const damaged = Buffer.from(bytes);
        damaged[at] = damage;
        const records = readReply(damaged, topic).then((all) => all.flatMap((each) => read(each)));
        const count = await records.then(({ length }) => length).catch(() => 0);
        expect(count).toBeLessThanOrEqual(4);
      }
    }
  });
});

test('a cursor reads numbers of any length as they were written', () => {
  const numbers = [0, -1, 1, 63, -64, 64, 300, -300, 2 ** 31 - 1, -(2 ** 31)];
  for (const number of numbers) {
    expect(new Cursor(new encoderOf().writeVarInt(number).buffer).varint()).toBe(number);
  }
  for (const number of [...numbers, 2 ** 40 + 1, -(2 ** 40) - 1, 2 ** 52]) {
    expect(new Cursor(new encoderOf().writeVarLong(long.fromValue(String(number))).buffer).varint()).toBe(number);
    expect(new Cursor(new encoderOf().writeInt64(long.fromValue(String(number))).buffer).i64()).toBe(number);
  }
  expect(() => new Cursor(Buffer.from([0x80, 0x80])).varint()).toThrow(RangeError);
});

describe('what was fetched and not yet taken', () => {
  const record = (offset: number): LogRecord => ({ partition: 0, offset, time: 0, value: new Uint8Array(8) });
  const offsets = (records: readonly LogRecord[]): number[] => records.map(({ offset }) => offset);

  test('is taken in the order it came, however much at once', () => {
    const queue = new FetchedQueue();
    queue.add([record(0), record(1), record(2)]);
    expect(offsets(queue.take(2))).toEqual([0, 1]);
    queue.add([]);
    queue.add([record(3), record(4)]);
    expect(offsets(queue.take(2))).toEqual([2, 3]);
    expect(queue.isEmpty).toBe(false);
    expect(offsets(queue.take(2))).toEqual([4]);
    expect(queue.isEmpty).toBe(true);
    expect(queue.take(5)).toEqual([]);
    queue.add([record(5)]);
    expect(offsets(queue.take(1))).toEqual([5]);
  });

  test('counts its bytes', () => {
    const queue = new FetchedQueue();
    queue.add([record(0), record(1)]);
    const both = queue.bytes;
    expect(both).toBeGreaterThan(16);
    queue.take(1);
    expect(queue.bytes).toBe(both / 2);
    queue.take(1);
    expect(queue.bytes).toBe(0);
  });
});
