import { ByteWriter, unreadable } from './bytes.js';
import { beginRecord, codes, openRecord, sealRecord } from './envelope.js';
import { topics, type NewRecord, type Topic } from './types.js';

/** A record that could not be used: why, where it came from, and itself. */
export interface DeadLetter {
  /** Of the record, as the log knew it. */
  readonly time: number;
  /** For people. */
  readonly reason: string;
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  /** As it was. */
  readonly value: Uint8Array;
}

const writer = new ByteWriter();

export function encodeDeadLetter({ time, reason, topic, partition, offset, value }: DeadLetter): Uint8Array {
  beginRecord(writer, { code: codes.deadLetter, time: Number.isFinite(time) ? time : 0 });
  writer.u8(topics.indexOf(topic));
  writer.u32(partition);
  writer.f64(offset);
  writer.text(reason);
  writer.u32(value.length);
  writer.bytes(value);
  return sealRecord(writer);
}

/** Throws event_invalid for anything that encodeDeadLetter did not write. */
export function decodeDeadLetter(bytes: Uint8Array): DeadLetter {
  const { code, time, reader } = openRecord(bytes);
  if (code !== codes.deadLetter) throw unreadable('it is no dead letter');
  const topic = topics[reader.u8()];
  if (topic === undefined) throw unreadable('the topic of a dead letter is not known');
  const [partition, offset, reason] = [reader.u32(), reader.f64(), reader.text()];
  return { time, reason, topic, partition, offset, value: reader.bytes(reader.u32()).slice() };
}

/** The dead letter as an entry of its topic, in the partition that it came from. */
export const deadLetterRecord = (letter: DeadLetter): NewRecord => ({
  time: letter.time,
  partition: letter.partition,
  value: encodeDeadLetter(letter),
});
