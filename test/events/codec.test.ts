import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeDeadLetter,
  decodeEvent,
  wholeImpression,
  encodeDeadLetter,
  encodeEvent,
  partitionOf,
  recordOf,
  topics,
  type Impression,
  type LoggedEvent,
} from '../../src/events/index.js';
import { exposure, feedback, impression, varied } from './events.js';

/** Any UTF-16 text, halves of surrogate pairs included. */
const text = fc.oneof(
  fc.string(),
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
);
const id = fc.oneof(text, fc.maxSafeInteger());
const time = fc.double({ noNaN: true, noDefaultInfinity: true });
const vector = fc.array(fc.float()).map((values) => Float32Array.from(values));
const fieldValue = fc.oneof(
  text,
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(text, fc.double())),
  vector,
);
const fields = fc.dictionary(fc.oneof(text, fc.constant('__proto__')), fieldValue);
const names = fc.uniqueArray(text, { maxLength: 4 });

const anyExploration = fc.record(
  {
    share: fc.double(),
    temperature: fc.double(),
    swaps: fc.double(),
    drawn: fc.constantFrom('greedy' as const, 'noise' as const),
  },
  { noNullPrototype: true },
);
const anySwap = fc
  .tuple(anyExploration, fc.record({ position: fc.integer({ min: 2, max: 5000 }), swapped: fc.boolean() }))
  .map(([policy, swap]) => ({ ...policy, drawn: 'swap' as const, swap }));

const anyImpression = fc
  .record({
    time,
    requestId: text,
    userId: fc.option(id, { nil: undefined }),
    ranker: text,
    version: text,
    fingerprint: text,
    arms: fc.dictionary(text, text, { maxKeys: 3 }),
    weights: fc.dictionary(text, fc.double(), { maxKeys: 3 }),
    tasks: names,
    candidates: fc.nat(5000),
    shown: fc.array(
      fc.record({ id, position: fc.nat(5000), row: fc.nat(5000), score: fc.double(), propensity: fc.double(), fields }),
      { maxLength: 4 },
    ),
    user: fields,
    context: fields,
    exploration: fc.option(fc.oneof(anyExploration, anySwap), { nil: undefined }),
    unshown: fc.option(fc.array(fc.record({ id, row: fc.nat(5000) }), { maxLength: 4 }), { nil: undefined }),
    form: fc.constantFrom(undefined, 'product' as const, 'sum' as const),
    seed: fc.array(fc.float(), { minLength: 16, maxLength: 16 }),
  })
  .map(({ shown, user, context, seed, unshown, ...rest }): Impression => ({
    ...impression({ items: shown.map((item) => item.id) }),
    ...rest,
    items: shown.map(({ id, position, row, score, propensity }) => ({ id, position, row, score, propensity })),
    heads: Float32Array.from(seed.slice(0, shown.length * rest.tasks.length)),
    fields: { user, context, candidates: shown.map((item) => item.fields) },
    unshown: unshown && {
      ids: unshown.map(({ id: each }) => each),
      rows: Int32Array.from(unshown, ({ row }) => row),
      heads: Float32Array.from({ length: unshown.length * rest.tasks.length }, (_, at) => seed[at % 16]!),
    },
  }));
const anyEvent: fc.Arbitrary<LoggedEvent> = fc.oneof(
  anyImpression,
  fc.record({
    kind: fc.constant('feedback' as const),
    time,
    eventId: text,
    requestId: text,
    userId: fc.option(id, { nil: undefined }),
    itemId: id,
    what: text,
    value: fc.option(fc.double(), { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom('item' as const, 'user' as const), time, id, fields }),
  fc.record({ kind: fc.constant('exposure' as const), time, userId: id, experiment: text, arm: text, phase: text }),
  fc.record({ kind: fc.constant('marker' as const), time }),
);

const plain = (event: LoggedEvent): unknown => {
  const { ...copy } = (event.kind === 'impression' ? wholeImpression(event) : event) as { encodedFeatures?: unknown };
  delete copy.encodedFeatures;
  return copy;
};

/** Decodes and reads every part. */
const readAll = (bytes: Uint8Array): unknown => plain(decodeEvent(bytes));

describe('the event codec', () => {
  test('gives back every event as it was', () => {
    fc.assert(
      fc.property(anyEvent, (event) => expect(readAll(encodeEvent(event))).toEqual(event)),
      { seed: 1, numRuns: 200 },
    );
  });

  test('leaves out fields without a value', () => {
    const update = { kind: 'user', time: 1, id: 'u', fields: { age: undefined, name: null } } as const;
    expect(readAll(encodeEvent(update))).toStrictEqual({ ...update, fields: { name: null } });
  });

  test('writes an event that it has read as the same bytes', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const bytes = encodeEvent(event);
        expect(encodeEvent(decodeEvent(bytes))).toEqual(bytes);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  test('reads bytes wherever they lie in memory', () => {
    const bytes = encodeEvent(impression());
    for (let shift = 0; shift < 8; shift++) {
      const shifted = new Uint8Array(bytes.length + shift);
      shifted.set(bytes, shift);
      expect(readAll(shifted.subarray(shift))).toEqual(impression());
      // As logs hand them out: slice() of a Buffer copies nothing.
      expect(readAll(Buffer.from(shifted.buffer).subarray(shift))).toEqual(impression());
      expect(readAll(Buffer.concat([Buffer.alloc(shift), encodeEvent(varied())]).subarray(shift))).toEqual(varied());
    }
  });

  test('gives no word and no byte to how an order was varied where it was not', () => {
    const { length } = encodeEvent(impression());
    expect(encodeEvent(impression({ exploration: undefined, unshown: undefined, form: undefined })).length).toBe(
      length,
    );
    const event = wholeImpression(decodeEvent(encodeEvent(impression())) as Impression);
    for (const part of ['exploration', 'unshown', 'form']) expect(event).not.toHaveProperty(part);
  });

  test('answers bytes that are no event with event_invalid', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => readAll(bytes)).toThrow(expect.objectContaining({ code: 'event_invalid' }));
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  test('notices every damaged byte and every cut', () => {
    const events = [
      impression(),
      varied(),
      exposure(),
      feedback(),
      { kind: 'item', time: 1, id: 7, fields: { a: 1 } } as const,
    ];
    for (const event of events) {
      const bytes = encodeEvent(event);
      for (let at = 0; at < bytes.length; at++) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
        expect(() => readAll(damaged)).toThrow(expect.objectContaining({ code: 'event_invalid' }));
        expect(() => readAll(bytes.subarray(0, at))).toThrow(expect.objectContaining({ code: 'event_invalid' }));
      }
    }
  });

  test('says of a newer version that it is newer', () => {
    const bytes = encodeEvent(feedback());
    bytes[1] = 9;
    expect(() => decodeEvent(bytes)).toThrow(/version 9 is newer than 1/);
  });

  test('refuses to write an event without a time', () => {
    expect(() => encodeEvent(feedback({ time: Number.NaN }))).toThrow(/time NaN/);
  });

  test('lists ids and positions of an impression as its items have them', () => {
    fc.assert(
      fc.property(anyImpression, (event) => {
        const { list, items } = decodeEvent(encodeEvent(event)) as Impression;
        expect(list).toEqual({ ids: items.map(({ id }) => id), positions: items.map(({ position }) => position) });
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  test('reads the names of an impression even if its features cannot be read', () => {
    const bytes = encodeEvent(impression());
    bytes[bytes.length - 9] = 255 ^ (bytes[bytes.length - 9] ?? 0);
    const event = decodeEvent(bytes) as Impression;
    expect(event.requestId).toBe('request-1');
    expect(event.items).toHaveLength(2);
    expect(() => event.features).toThrow(/features cannot be read/);
  });
});

test('a dead letter keeps the record, where it was and why it could not be used', () => {
  const origin = fc.record({
    time,
    reason: text,
    topic: fc.constantFrom(...topics),
    partition: fc.nat(1023),
    offset: fc.nat(2 ** 43),
    value: fc.uint8Array(),
  });
  fc.assert(
    fc.property(origin, (letter) => {
      const again = decodeDeadLetter(encodeDeadLetter(letter));
      expect({ ...again, value: [...again.value] }).toEqual({ ...letter, value: [...letter.value] });
    }),
    { seed: 6, numRuns: 100 },
  );
  expect(() => decodeDeadLetter(encodeEvent(feedback()))).toThrow(/no dead letter/);
});

describe('the key of an event', () => {
  test('is its user, else its request; an exposure goes by its user, an item goes by its id; a marker has a partition', () => {
    expect(recordOf(impression({ userId: 7 }))).toMatchObject({ key: '7' });
    expect(recordOf(feedback({ userId: undefined }))).toMatchObject({ key: 'request-1' });
    expect(recordOf({ kind: 'item', time: 1, id: 'v1', fields: {} })).toMatchObject({ key: 'v1', time: 1 });
    expect(recordOf(exposure({ userId: 7 }))).toMatchObject({ key: '7' });
    expect(recordOf({ kind: 'marker', time: 1 }, 3)).toMatchObject({ partition: 3 });
  });

  test('spreads users over the partitions, the same ones for ever', () => {
    const counts = [0, 0, 0, 0];
    for (let user = 0; user < 4000; user++) counts[partitionOf(String(user), 4)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
    expect(['user-1', 'user-2', '7', ''].map((key) => partitionOf(key, 16))).toMatchInlineSnapshot(`
     [
       2,
       4,
       10,
       9,
     ]
    `);
  });
});

test('an impression is read from any place in a larger buffer, as a broker hands it out', () => {
  const shown = impression();
  const bytes = encodeEvent(shown);
  for (let shift = 0; shift < 8; shift++) {
    const event = decodeEvent(Buffer.concat([Buffer.alloc(shift), bytes]).subarray(shift)) as Impression;
    // A pool's memory begins anywhere: with every shift, each place is met.
    expect([...event.heads]).toEqual([...shown.heads]);
    expect(event.features).toEqual(shown.features);
  }
});
