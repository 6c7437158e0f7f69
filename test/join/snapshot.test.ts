import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { encodeEvent, type EventId, type LoggedEvent } from '../../src/events/index.js';
import { checksum, type Fields, type FieldValue } from '../../src/features/index.js';
import { createJoiner, restoreJoiner, type Joiner, type JoinerOptions } from '../../src/join/index.js';
import { generator } from '../features/world.js';
import { bytesOf, framesIn, heard, hour, minuteMs, ranker, shown, start } from './world.js';

const half = '\ud800';
const texts = ['', 'x', 'é', '𝒳', half, `${half}a${half}`, '__proto__', 'item 1', '7'];
const odd: readonly FieldValue[] = [...texts, 0, -0, 1.5, -1e300, 2 ** 53, true, false, null, undefined];

/** What nobody would send and somebody may: odd texts and values, fields that come, change and go, ids twice in a list. */
function oddly(events: readonly LoggedEvent[], seed: number): LoggedEvent[] {
  const random = generator(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const record = (names: readonly string[]): Fields =>
    Object.fromEntries(names.flatMap((name) => (random() < 0.3 ? [] : [[name, one(odd)]])));
  return events.map((event) => {
    if (event.kind !== 'impression' || random() < 0.3) return event;
    const ids = event.items.map(({ id }): EventId => (random() < 0.3 ? one([...texts, 7, 0.5]) : id));
    return {
      ...event,
      version: one(['v1', 'v2', half]),
      arms: one([{}, { layout: 'wide' }, { layout: 'é', other: half }, { ['__proto__']: 'a' }, { other: 'b' }]),
      ranker: one(['films', 'films', 'others', 'third']),
      items: event.items.map((item, row) => ({ ...item, id: ids[row]! })),
      fields: {
        user: record(['user_id', 'name']),
        context: record(['user_id']),
        candidates: ids.map((id) => (random() < 0.7 ? { item_id: id } : record(['item_id', 'user_id', 'length']))),
      },
    };
  });
}

const labels = { click: { wait: '3m', late: 'supplement' }, watch: { wait: '5m', take: 'sum' } } as const;
const definition = ranker(labels, { stream: { rankers: ['others'] } });

/** The bytes of an impression are not kept. */
const nothing = new Uint8Array(0);
const tell = (joiner: Joiner, event: LoggedEvent, offset: number, time: number): void => {
  const value = event.kind === 'feedback' ? encodeEvent(event) : nothing;
  joiner.take({ time, partition: offset % 3, offset, from: Math.max(0, offset - 3), event, value });
};

const restored = (of: Joiner, options: JoinerOptions, from: RankerDefinition = definition): Joiner =>
  restoreJoiner(from, options, of.snapshot());

describe('a joiner that goes on from a snapshot', () => {
  test.each([1, 2, 3, 4])('is the one that was not interrupted, wherever that was (seed %p)', (seed) => {
    const options = { examples: seed % 3 > 0 };
    const random = generator(seed);
    const whole = createJoiner(definition, options);
    let other = createJoiner(definition, options);
    let time = start;
    let restarts = 0;
    let made = 0;
    for (const [offset, event] of oddly(hour(definition, { lists: 80, seed }), seed).entries()) {
      time = Math.max(time, event.time - minuteMs);
      for (const joiner of [whole, other]) tell(joiner, event, offset, time);
      if (random() < 0.7) continue;
      const expected = whole.advance(time);
      made += expected.outcomes.length;
      expect(other.advance(time)).toEqual(expected);
      if (random() < 0.8) continue;
      restarts++;
      other = restored(other, options);
      expect(bytesOf(other.snapshot()).equals(bytesOf(whole.snapshot()))).toBe(true);
    }
    expect(other.advance(time + 100 * minuteMs)).toEqual(whole.advance(time + 100 * minuteMs));
    expect(other.counters).toEqual(whole.counters);
    expect(Math.min(restarts, made)).toBeGreaterThan(5);
  });

  test('is as it was when the snapshot was asked for, though it is written later', () => {
    const joiner = createJoiner(definition, { examples: true });
    const events = hour(definition, { lists: 80 });
    const taken: { readonly late: ReturnType<Joiner['snapshot']>; readonly bytes: Buffer }[] = [];
    for (const [offset, event] of events.entries()) {
      tell(joiner, event, offset, event.time);
      joiner.advance(event.time);
      if (offset % 25 === 0) taken.push({ late: joiner.snapshot(), bytes: bytesOf(joiner.snapshot()) });
    }
    joiner.advance(start + 1000 * minuteMs);
    expect(taken.length).toBeGreaterThan(8);
    for (const { late, bytes } of taken) expect(bytesOf(late).equals(bytes)).toBe(true);
  });

  test('writes the same, though what it forgot before filled other catalogues', () => {
    const rows = 3000;
    const show = (joiner: Joiner, list: number): void => {
      const ids = Array.from({ length: rows }, (_, row) => (list * 1900 + row) % 120_000);
      const event = shown({ of: definition, time: start + list * minuteMs, requestId: `r${list}`, rows });
      const items = event.items.map((item, row) => ({ ...item, id: ids[row]! }));
      const fields = { user: {}, context: {}, candidates: ids.map((id) => ({ item_id: `item ${id % 100_000}` })) };
      tell(joiner, { ...event, items, fields }, 3 * list, event.time);
      joiner.advance(event.time);
    };
    const whole = createJoiner(definition, { examples: false });
    for (let list = 0; list < 40; list++) show(whole, list);
    const other = restored(whole, { examples: false });
    for (let list = 40; list < 70; list++) for (const joiner of [whole, other]) show(joiner, list);
    expect(whole.sizes.impressions).toBeLessThan(30);
    expect(bytesOf(other.snapshot()).equals(bytesOf(whole.snapshot()))).toBe(true);
  });

  test('knows lists of more items than one frame holds, and a list of more than places go', () => {
    const joiner = createJoiner(definition, { examples: false });
    const sizes = [2 ** 16, 2 ** 16 + 1, 5000, 1, 0];
    sizes.forEach((rows, list) => {
      const event = shown({ of: definition, requestId: `r${list}`, rows: 0 });
      const ids = Array.from({ length: rows }, (_, row) => list * 10_000 + row);
      const items = ids.map((id) => ({ id, position: 1, score: 1, propensity: 1 }));
      const fields = { user: { user_id: list }, context: {}, candidates: ids.map((id) => ({ item_id: id % 7 })) };
      tell(joiner, { ...event, items, fields, candidates: rows }, list, start);
    });
    const frames = [...joiner.snapshot()];
    expect(frames).toHaveLength(4);
    const other = restored(joiner, { examples: false });
    joiner.advance(start + 1);
    sizes.forEach((rows, list) => {
      const click = heard({ what: 'click', requestId: `r${list}`, itemId: list * 10_000 + rows - 1, time: start + 1 });
      for (const each of [joiner, other]) tell(each, click, 100 + list, start + 1);
    });
    const [expected, found] = [joiner.advance(start + 2), other.advance(start + 2)];
    expect(found).toEqual(expected);
    expect([...found.outcomes].map(({ candidate }) => candidate['item_id'])).toEqual(
      sizes.slice(0, 4).map((rows, list) => (list * 10_000 + rows - 1) % 7),
    );
    expect(bytesOf(other.snapshot()).equals(bytesOf(joiner.snapshot()))).toBe(true);
  });
});

test('a list of 200 items takes less than 1 kB of a snapshot, and the items are there once', () => {
  const rows = 200;
  const joiner = createJoiner(definition, { examples: false });
  for (let list = 0; list < 300; list++) {
    const event = shown({ of: definition, requestId: `0190a1b2-7c3d-7e4f-8a5b-${list}`, rows });
    const ids = event.items.map((_, row) => `video-${(list * 37 + row * 7) % 500}`);
    const items = event.items.map((item, row) => ({ ...item, id: ids[row]! }));
    const candidates = ids.map((id) => ({ item_id: id }));
    tell(joiner, { ...event, items, fields: { ...event.fields, candidates } }, list, start);
  }
  const bytes = bytesOf(joiner.snapshot());
  expect(bytes.length / 300).toBeLessThan(1000);
  // Its id and its field.
  expect(bytes.toString('latin1').split('video-123').length - 1).toBe(2);
});

describe('a snapshot is refused, in words, when', () => {
  const options = { examples: true };
  const framesOf = (seed: number, lists = 60): Uint8Array[] => {
    const joiner = createJoiner(definition, options);
    const events = hour(definition, { lists, seed }).slice(0, 150);
    for (const [offset, event] of events.entries()) tell(joiner, event, offset, start + offset);
    const orphan = heard({ what: 'click', requestId: 'not yet', time: start + 200 });
    tell(joiner, orphan, 200, orphan.time);
    const frames = [...joiner.snapshot()];
    expect(frames).toHaveLength(3);
    return frames;
  };
  const [head, lists, waiting] = framesOf(1) as [Uint8Array, Uint8Array, Uint8Array];
  const [otherHead, otherLists] = framesOf(2) as [Uint8Array, Uint8Array, Uint8Array];
  const later = (frame: Uint8Array): Uint8Array => {
    const words = new Uint32Array(new Uint8Array(frame).buffer);
    words[1] = 3;
    words[2] = checksum(words, 3);
    return new Uint8Array(words.buffer);
  };
  const another = 'a part of it is of another, or missing';
  test.each([
    ['it is empty', [], '0 bytes cannot be complete'],
    ['its end is missing', [head, lists], /it ends after \d+ lists and 0 events that wait/],
    ['its middle is missing', [head, waiting], another],
    ['a part is there twice', [head, lists, lists], another],
    ['parts have changed places', [head, waiting, lists], another],
    ['its head is of another', [otherHead, lists, waiting], another],
    ['lists are of another', [head, otherLists, waiting], another],
    ['more follows', [head, lists, waiting, waiting], 'it holds more than it says'],
    ['it is of a later version', [later(head), lists, waiting], 'version 3 is not 2'],
    ['a byte has changed', [head, lists.with(300, 99), waiting], 'the checksum does not match'],
  ])('%s', (_, frames, message) => {
    expect(() => restoreJoiner(definition, options, frames)).toThrow(
      expect.objectContaining({ code: 'artifact_damaged', message: expect.stringMatching(message) as unknown }),
    );
  });

  test('but not when it is whole, also as one file', () => {
    for (const whole of [[head, lists, waiting], framesIn(Buffer.concat([head, lists, waiting]))])
      expect(bytesOf(restoreJoiner(definition, options, whole).snapshot()).equals(Buffer.concat(whole))).toBe(true);
  });
});
