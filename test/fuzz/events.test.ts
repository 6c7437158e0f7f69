import { describe, expect, test } from '@jest/globals';
import {
  decodeDeadLetter,
  decodeEvent,
  encodeDeadLetter,
  encodeEvent,
  fieldNames,
  wholeImpression,
  type LoggedEvent,
} from '../../src/events/index.js';
import { batchAt, codes } from '../../src/events/envelope.js';
import { decodeSpooled, encodeSpooled } from '../../src/events/spool-entry.js';
import { checksum } from '../../src/features/index.js';
import { exposure, feedback, impression, varied } from '../events/events.js';
import { fuzzReader } from './damage.js';

const seed = 5;
const events: readonly (readonly [string, LoggedEvent])[] = [
  ['an impression', impression()],
  ['an impression of a varied order', varied()],
  ['feedback', feedback()],
  ['an exposure', exposure()],
  [
    'an item',
    { kind: 'item', time: 5, id: 'v1', fields: { tags: ['a', 2], length: Number.NaN, embedding: Float32Array.of(1) } },
  ],
  ['a user', { kind: 'user', time: 5, id: 7, fields: { country: 'NZ' } }],
  ['a marker', { kind: 'marker', time: 1_700_000_000_000 }],
];

const wanted = fieldNames(['user_id', 'device', 'item_id']);

/** All of it: parts of an impression are decoded when they are asked for. */
const readAll = (bytes: Uint8Array): void => {
  const event = decodeEvent(bytes);
  if (event.kind !== 'impression') return;
  wholeImpression(event);
  event.namedFields?.(wanted);
};

/** The checksum as it must be for these bytes: then the parsers behind it have to cope. */
const withChecksum = (bytes: Buffer): Buffer => {
  const whole = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 4)));
  if (whole.length < 16) return whole;
  const words = new Uint32Array(new Uint8Array(whole).buffer);
  const covered = whole[2] === codes.impression ? Math.min(words[batchAt / 4] ?? 0, whole.length) : whole.length;
  const sum = checksum(words, 2, covered / 4) ^ Math.imul(words[0] ?? 0, 0x9e3779b1);
  whole.writeUInt32LE(sum >>> 0, 4);
  return whole;
};

describe('a damaged record of the log is read or refused as no event', () => {
  test.each(events)('%s', (_, event) => {
    const of = encodeEvent(event);
    const options = { of, read: readAll, seed, codes: ['event_invalid'] as const };
    expect(fuzzReader({ ...options, runs: 500 }).refused).toBeGreaterThan(450);
    const { read, refused } = fuzzReader({ ...options, runs: 1500, reseal: withChecksum });
    expect(read + refused).toBe(1500);
    expect(refused).toBeGreaterThan(150);
  });

  test('a dead letter, and one of the spool', () => {
    const value = encodeEvent(feedback());
    const letter = encodeDeadLetter({ time: 1, reason: 'no', topic: 'events', partition: 0, offset: 7, value });
    const codes = ['event_invalid'] as const;
    for (const reseal of [undefined, withChecksum])
      fuzzReader({ of: letter, read: decodeDeadLetter, seed, runs: 800, codes, ...(reseal && { reseal }) });
    for (const record of [
      { key: 'u1', time: 1, value },
      { partition: 3, time: 1, value },
    ])
      fuzzReader({ of: encodeSpooled(record), read: decodeSpooled, seed, runs: 800, codes });
  });
});
