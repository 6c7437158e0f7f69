import { expect, test } from '@jest/globals';
import { openGraph } from '../../src/inference/index.js';

const bytes = (...parts: readonly (Buffer | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)));
/** A field of a protocol buffer that holds bytes, and one that holds a small number. */
const field = (number: number, content: Buffer | string): Buffer =>
  bytes((number << 3) | 2, content.length, Buffer.from(content));
const varint = (number: number, value: number): Buffer => bytes(number << 3, value);

/** A graph that answers two weights: its own, or two of another file. */
const graphWith = (weights: Buffer): Buffer => {
  const tensor = bytes(varint(1, 2), varint(2, 1), field(8, 'w'), weights);
  const node = bytes(field(1, 'w'), field(2, 'heads'), field(4, 'Identity'));
  const type = field(1, bytes(varint(1, 1), field(2, field(1, varint(1, 2)))));
  const output = bytes(field(1, 'heads'), field(2, type));
  const graph = bytes(field(1, node), field(2, 'g'), field(5, tensor), field(12, output));
  return bytes(varint(1, 8), field(7, graph), field(8, varint(2, 17)));
};
const inputs = {
  requests: 1,
  rows: 1,
  request: new Float32Array(1),
  candidate: new Float32Array(1),
  requestOf: new Int32Array(1),
};

test('a graph that names other files is refused before the runtime reads them', async () => {
  const own = await openGraph(graphWith(field(9, Buffer.from(Float32Array.of(3, 5).buffer))), 'cpu');
  expect([...(await own.run(inputs)).heads]).toEqual([3, 5]);
  await own.release();
  const named = (key: string, value: string): Buffer => field(13, bytes(field(1, key), field(2, value)));
  for (const path of ['secret', '../secret', '/etc/hostname'])
    await expect(openGraph(graphWith(bytes(named('location', path), varint(14, 1))), 'cpu')).rejects.toMatchObject({
      code: 'artifact_damaged',
      message: expect.stringContaining('it keeps weights in other files'),
    });
});
