import { expect, test } from '@jest/globals';
import { decodeFeatureBatch, encodeFeatureBatch, type Column, type FeatureBatch } from '../../src/features/index.js';

/** Sealed models and logs hold these bytes: if this test fails, the format needs a new version and a reader of the old one. */
const batch: FeatureBatch = {
  requests: 2,
  rows: 3,
  requestOf: Int32Array.of(0, 0, 1),
  columns: new Map<string, Column>([
    ['age', { side: 'request', type: 'numbers', width: 1, values: Float32Array.of(1.5, Number.NaN) }],
    [
      'tags',
      { side: 'candidate', type: 'keys', offsets: Int32Array.of(0, 1, 1, 3), keys: Uint32Array.of(1, 2, 3, 4, 5, 6) },
    ],
  ]),
};

test('a feature batch of version 1 is these bytes', () => {
  const bytes = Buffer.from(encodeFeatureBatch(batch));
  expect(bytes.toString('base64').replace(/.{100}/g, '$&\n')).toMatchInlineSnapshot(`
   "V05GQgEAAAC42JJ++AAAAHoAAAAEAAAAAgAAAAMAAAABAAAAAgAAAAIAAAAEAAAAAwAAAAYAAAB7InJlcXVlc3RzIjoyLCJyb3dz
   IjozLCJjb2x1bW5zIjpbeyJuYW1lIjoiYWdlIiwic2lkZSI6InJlcXVlc3QiLCJ3aWR0aCI6MX0seyJuYW1lIjoidGFncyIsInNp
   ZGUiOiJjYW5kaWRhdGUiLCJ3aWR0aCI6MH1dfQAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAMA/AADAfwAAAAABAAAAAQAAAAMAAAAB
   AAAAAgAAAAMAAAAEAAAABQAAAAYAAAA="
  `);
  expect(decodeFeatureBatch(bytes)).toEqual(batch);
});
