import { describe, expect, test } from '@jest/globals';
import { decodeFields, encodeFields } from '../../src/events/fields-codec.js';
import { fieldNames, scanFields } from '../../src/events/fields-scan.js';
import type { Fields, FieldValue } from '../../src/features/index.js';
import { SeededRandom } from '../../training/fit/random.js';

const names = ['item_id', 'ünï "x"', 'proto', 'a', ''];

/** Reading everything, and then choosing. */
const chosen = (json: string, marked: boolean): Fields[] =>
  decodeFields({ json, marked }).map((fields) =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
        return value === undefined || value === null ? [] : [[name, value]];
      }),
    ),
  );

const scanned = (records: readonly Fields[], of: readonly string[] = names): Fields[] | undefined =>
  scanFields(Buffer.from(encodeFields(records).json), fieldNames(of));

const texts = ['', 'plain', 'with "quotes" and \\ and \n', '}],{"a":1', 'ünïcødé 🎬', '\\', '"'];
const numbers = [0, 7, -3, 0.25, -1e-9, 1e21, 123456789012345, 1234567890123456, 2 ** 53, 5e-324, 1.7e308];

describe('fields by name', () => {
  test('are those that reading everything gives, for any records of plain values, in the order of the names', () => {
    const random = new SeededRandom(4);
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
    const plain = (): FieldValue =>
      pick<() => FieldValue>([() => pick(texts), () => pick(numbers), () => true, () => false, () => null])();
    const other = (): FieldValue =>
      pick<() => FieldValue>([plain, () => texts, () => numbers, () => [], () => [1, 'a', 2]])();
    for (let round = 0; round < 2000; round++) {
      const records = Array.from({ length: random.below(4) }, (): Fields => {
        const entries = Array.from({ length: random.below(6) }, (): [string, FieldValue] => {
          const named = random.below(2) === 0;
          return named ? [pick(names), plain()] : [pick(['b', 'item', 'item_id2', 'x"y', 'a\\']), other()];
        });
        return Object.fromEntries(entries);
      });
      const { json, marked } = encodeFields(records);
      const found = scanFields(Buffer.from(json), fieldNames(names));
      expect(JSON.stringify(found)).toBe(JSON.stringify(chosen(json, marked)));
    }
  });

  test('passes over vectors, lists and marked numbers that nobody named', () => {
    const look = Float32Array.of(1, 2, 3);
    expect(scanned([{ look, odd: Number.NaN, list: [1, Number.POSITIVE_INFINITY], item_id: 9 }])).toEqual([
      { item_id: 9 },
    ]);
  });

  test('are not told where a named one is a vector, a list or a number that JSON lacks', () => {
    for (const value of [Float32Array.of(1), ['x'], Number.NaN, -0, Number.NEGATIVE_INFINITY])
      expect(scanned([{ item_id: value }])).toBeUndefined();
  });

  test('are not told of anything that is cut short or no list of records', () => {
    const whole = encodeFields([{ item_id: 'x\\"y', b: [1, { toString: 1 }] as never, a: -1.5 }, {}]).json;
    expect(scanFields(Buffer.from(whole), fieldNames(names))).toEqual([{ item_id: 'x\\"y', a: -1.5 }, {}]);
    for (let length = 0; length < whole.length; length++)
      expect(scanFields(Buffer.from(whole.slice(0, length)), fieldNames(names))).toBeUndefined();
    for (const text of [
      '{}',
      '[1]',
      '[{"a":1}] ',
      '[{"a" :1}]',
      '[{a:1}]',
      '[{"a":x}]',
      '[{"a":1e999}]',
      '[{"a":1,}]',
      '[{"a":"\\x"}]',
      'null',
    ])
      expect(scanFields(Buffer.from(text), fieldNames(names))).toBeUndefined();
  });
});
