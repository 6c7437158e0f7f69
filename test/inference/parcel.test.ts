import { expect, test } from '@jest/globals';
import { concatBatches } from '../../src/features/index.js';
import { packBatch, unpackBatch } from '../../src/inference/parcel.js';
import { shelfBatch } from './shelf-model.js';

test('a batch arrives as it was sent, missing numbers and empty lists included', () => {
  const batch = concatBatches([shelfBatch([1, NaN, -0]), shelfBatch([]), shelfBatch([Infinity])]);
  const sent = structuredClone(packBatch(batch));
  expect(unpackBatch(sent)).toEqual(batch);
  expect(unpackBatch(structuredClone(packBatch(shelfBatch([])))).rows).toBe(0);
});
