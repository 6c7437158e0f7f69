import { expect, test } from '@jest/globals';
import { decodeFields, encodeFieldParts, encodeFields, WrittenFields } from '../../src/events/fields-codec.js';
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

test('records whose text is at hand are written as the same bytes as others, however they are mixed', () => {
  for (const list of lists) {
    const { parts, marked } = encodeFieldParts(list);
    const expected = { json: parts.join(''), marked };
    expect(decodeFields(expected)).toEqual(list);
    expect(encodeFields(list)).toEqual(expected);
    for (const isKnown of [() => true, (at: number) => at % 2 === 0, (at: number) => at % 2 === 1]) {
      const mixed = encodeFieldParts(list.map((fields, at) => (isKnown(at) ? new WrittenFields(fields) : fields)));
      expect({ json: mixed.parts.join(''), marked: mixed.marked }).toEqual(expected);
    }
  }
});

test('a plain list is what JSON says of it', () => {
  expect(encodeFields([plain, empty])).toEqual({ json: JSON.stringify([plain, empty]), marked: false });
});
