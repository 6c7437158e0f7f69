import { describe, expect, test } from '@jest/globals';
import { tf } from '../../../training/compile/index.js';
import { blockSize, padRows, requestSums } from '../../../training/fit/engine/blocks.js';
import { spreadRequests } from '../../../training/network/operations.js';
import { batchOf } from './builder.js';

await tf.setBackend('cpu');

/** Sums of each request's rows through the gradient of handing out requests' values. */
function sumsOf(rows: tf.Tensor2D, requestOf: Int32Array, requests: number): number[][] {
  const { local, first, carried, chain } = requestSums(requestOf, requests);
  const blocks = requestOf.length / blockSize;
  const sums = {
    local: tf.tensor2d(local, [blocks, blockSize], 'int32'),
    first: tf.tensor1d(first, 'int32'),
    carried: tf.tensor1d(carried, 'int32'),
    chain: tf.tensor2d(chain, [blocks, blocks]),
  };
  const weighted = (values: tf.Tensor): tf.Scalar =>
    spreadRequests(values as tf.Tensor2D, tf.tensor1d(requestOf, 'int32'), sums)
      .mul(rows)
      .sum();
  return tf
    .grad(weighted)(tf.zeros([requests, 2]))
    .arraySync() as number[][];
}

describe('rows in blocks', () => {
  test.each([
    ['lists within a block', [3, 5, 8, 16, 1, 15]],
    ['a list over two blocks', [10, 12, 10]],
    ['lists over many blocks', [1, 60, 3, 64]],
    ['one list', [48]],
    ['every row its own', new Array<number>(32).fill(1)],
    ['a list that ends and one that begins with a block', [16, 32, 16]],
  ])('sum to their requests: %s', (_, lists) => {
    const requestOf = Int32Array.from(lists.flatMap((count, request) => new Array<number>(count).fill(request)));
    const values = Array.from(requestOf, (_row, row) => [row + 1, (row * 7) % 11]);
    const expected = lists.map(() => [0, 0]);
    requestOf.forEach((request, row) => {
      expected[request]![0]! += values[row]![0]!;
      expected[request]![1]! += values[row]![1]!;
    });
    expect(sumsOf(tf.tensor2d(values), requestOf, lists.length)).toEqual(expected);
  });

  test('a request without rows is refused', () => {
    const gap = new Int32Array(16).fill(2).fill(0, 0, 4);
    expect(() => requestSums(gap, 3)).toThrow('request 1 of the batch has no rows');
    expect(() => requestSums(new Int32Array(16), 2)).toThrow('request 1 of the batch has no rows');
  });

  test('are filled up with rows that count nothing', () => {
    const batch = batchOf({ lists: [3, 15] });
    const padded = padRows(batch);
    expect([padded.rows, padded.requestOf.length, padded.labels.length, padded.candidate.length]).toEqual([
      32, 32, 96, 128,
    ]);
    expect([...padded.requestOf.subarray(17)]).toEqual(new Array<number>(15).fill(1));
    expect([...padded.weights.subarray(54)]).toEqual(new Array<number>(42).fill(0));
    expect([...padded.bias.subarray(18)]).toEqual(new Array<number>(14).fill(-1));
    expect([...padded.candidate.subarray(0, 72)]).toEqual([...batch.candidate]);
    expect(padRows(padded)).toBe(padded);
  });
});
