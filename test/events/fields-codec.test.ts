import { expect, test } from '@jest/globals';
import { decodeFields, encodeFields } from '../../src/events/fields-codec.js';
import type { Fields } from '../../src/features/index.js';

const plain: Fields = { topic: 'music', seconds: 12.5, tags: ['a', 'b'], live: false, left: null };
const odd: Fields = { vector: Float32Array.of(1, 2), nothing: NaN };
const empty: Fields = {};

const lists: readonly (readonly Fields[])[] = [
  [],
  [plain],
  [plain, empty, plain],
  [odd, plain],
  [empty, plain, odd, plain, empty],
];

test('frozen records are written as the same bytes as others, however they are mixed and however often', () => {
  for (const list of lists) {
    const expected = encodeFields(list);
    expect(decodeFields(expected)).toEqual(list);
    for (const isFrozen of [() => true, (at: number) => at % 2 === 0, (at: number) => at % 2 === 1]) {
      const mixed = list.map((fields, at) => (isFrozen(at) ? Object.freeze({ ...fields }) : { ...fields }));
      expect(encodeFields(mixed)).toEqual(expected);
      expect(encodeFields(mixed)).toEqual(expected);
    }
  }
});

test('a plain list is what JSON says of it', () => {
  expect(encodeFields([plain, empty])).toEqual({ json: JSON.stringify([plain, empty]), marked: false });
});

test('a record that is not frozen is read anew each time', () => {
  const fields: Record<string, string> = { topic: 'music' };
  encodeFields([fields]);
  fields['topic'] = 'sport';
  expect(encodeFields([fields]).json).toBe('[{"topic":"sport"}]');
});
