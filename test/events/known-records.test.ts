import { describe, expect, test } from '@jest/globals';
import { encodeFields } from '../../src/events/fields-codec.js';
import { fieldNames, scanFields } from '../../src/events/fields-scan.js';
import { KnownRecords, type RecordText } from '../../src/events/known-records.js';
import type { EventId } from '../../src/events/index.js';
import type { Fields, FieldValue } from '../../src/features/index.js';
import { SeededRandom } from '../../training/fit/random.js';

const names = ['item_id', 'ünï "x"', 'a', ''];
const values: readonly FieldValue[] = [
  ...['', 'plain', 'with "quotes", \\ and }', '}],{"a":1', '🎬', '\\', '"'],
  ...[0, 1, 12, 123, -3, 0.25, 1e21, 2 ** 53, true, false, null],
  ...[Number.NaN, ['x', 1], Float32Array.of(1)],
];

describe('records of items that are known', () => {
  test('are what reading gives: for any texts, some the same as before, some the beginning of others, some damaged', () => {
    const random = new SeededRandom(6);
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
    const drawn = (): Fields =>
      Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [pick([...names, 'b', 'item_id2', 'x"y']), pick(values)]),
      );
    let items: readonly EventId[] = [];
    let fieldsOf = new Map<EventId, Fields>();
    const known = fieldNames(names);
    let [shared, refused] = [0, 0];
    for (let round = 0; round < 1500; round++) {
      if (round % 30 === 0) {
        items = [`v${round}`, `v${round + 1}`, round, String(round), `ü${round}`, -round - 0.5];
        fieldsOf = new Map(items.map((item) => [item, drawn()]));
      }
      const shown = Array.from({ length: random.below(6) }, () => pick(items));
      if (random.below(8) === 0) fieldsOf.set(pick(items), drawn());
      const candidates = shown.map((item) => fieldsOf.get(item) ?? {});
      const bytes = Buffer.from(encodeFields([drawn(), drawn(), ...candidates]).json);
      const at = random.below(bytes.length);
      const damage = random.below(8);
      if (damage === 0) bytes[at] = pick([...Buffer.from('"\\{}[],:0a')]);
      const json = damage === 1 ? bytes.subarray(0, at) : bytes;
      const found = scanFields(json, known, shown);
      const read = scanFields(json, fieldNames(names));
      expect(JSON.stringify(found)).toBe(JSON.stringify(read));
      if (found === undefined) refused++;
      else shared += found.filter((record) => Object.isFrozen(record)).length;
    }
    expect(shared).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(150);
  });

  test('are one record for all that come with the same text, as often as they come', () => {
    const known = fieldNames(names);
    const scan = (...records: readonly Fields[]): Fields[] =>
      scanFields(Buffer.from(encodeFields([{ a: 1 }, { a: 2 }, ...records]).json), known, ['v1', 'v2']) ?? [];
    const first = scan({ a: 'x', b: 1 }, { a: 1 });
    const second = scan({ a: 'x', b: 1 }, { a: 12 });
    expect(second).toEqual([{ a: 1 }, { a: 2 }, { a: 'x' }, { a: 12 }]);
    expect(second.map((record, row) => record === first[row])).toEqual([false, false, true, false]);
    expect(Object.isFrozen(second[2])).toBe(true);
  });
});

/** Texts that are read whole, and how many were. */
const textsOf = (known: KnownRecords) => {
  const seen = { read: 0 };
  const show = (item: EventId, json: string): Fields | undefined => {
    const text: RecordText = {
      json: Buffer.from(`${json},`),
      at: 0,
      record: () => {
        seen.read++;
        text.at = json.length;
        return { json };
      },
    };
    const record = known.read(item, text);
    if (text.at !== json.length) throw new Error(`behind ${json.length} bytes it is at ${text.at}`);
    return record;
  };
  /** How many of these rows are read. */
  const rows = (count: number, jsonOf: (row: number) => string, item: EventId = 'often'): number => {
    const before = seen.read;
    for (let row = 0; row < count; row++) show(item, jsonOf(row));
    return seen.read - before;
  };
  return { show, rows };
};

describe('what is known of items', () => {
  test('is forgotten when nobody was shown them for as long as two generations of rows', () => {
    const { show, rows } = textsOf(new KnownRecords());
    const generation = 2 ** 17;
    const first = show('v1', '{}');
    rows(generation, () => '{}');
    expect(show('v1', '{}')).toBe(first);
    rows(generation, () => '{}');
    expect(show('v1', '{}')).toBe(first);
    rows(2 * generation, () => '{}');
    expect(show('v1', '{}')).not.toBe(first);
  });

  test('is not looked at where they come with another text every time, until they no longer do', () => {
    const { rows } = textsOf(new KnownRecords());
    const changing = (row: number): string => `{"n":${row}}`;
    const same = (): string => changing(0);
    const [round, trial] = [4096, 256];
    rows(round, changing);
    expect(rows(round, same)).toBe(0);
    expect(rows(trial, (row) => changing(row + 1))).toBe(trial);
    expect(rows(round - trial, same)).toBe(round - trial);
    expect(rows(round, same)).toBe(0);
  });

  test('ends somewhere: in a full generation nothing more is remembered, nor is a very long text ever', () => {
    const { show } = textsOf(new KnownRecords());
    const long = (of: number): string => `{"n":"${'x'.repeat(of)}"}`;
    const items = Array.from({ length: 140 }, (_, item) => `v${item}`);
    const isShared = (item: EventId, json: string): boolean => show(item, json) === show(item, json);
    expect(items.map((item) => isShared(item, long(60_000)))).toEqual(items.map((_, item) => item < 128));
    expect(isShared('v200', long(70_000))).toBe(false);
    const { show: showAnother } = textsOf(new KnownRecords());
    expect(showAnother('v1', long(70_000))).not.toBe(showAnother('v1', long(70_000)));
    for (let item = 0; item < 2 ** 15; item++) showAnother(item, '{}');
    expect(showAnother(5, '{}')).toBe(showAnother(5, '{}'));
    expect(showAnother('v1', '{}')).not.toBe(showAnother('v1', '{}'));
  });
});
