import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import { attachTable, EmbeddingTable, type TableHandle } from '../../src/embeddings/index.js';
import { keysOf, rowsOf } from './bags.js';

/** A handle after a trip to another thread and back. */
async function throughThread(handle: TableHandle): Promise<TableHandle> {
  const worker = new Worker(
    `require('node:worker_threads').parentPort.once('message', function (m) { this.postMessage(m) })`,
    {
      eval: true,
    },
  );
  worker.postMessage(handle);
  const [returned] = (await once(worker, 'message')) as [TableHandle];
  await worker.terminate();
  return returned;
}

const ids = Array.from({ length: 1000 }, (_, i) => `id${i}`);

describe('a shared table', () => {
  test('reads the same through a handle that crossed threads, from the same memory', async () => {
    const table = new EmbeddingTable({ dim: 8, seed: 1 });
    table.admit(keysOf(ids), 0);
    const handle = await throughThread(table.share());
    const attached = attachTable(handle);
    expect([attached.dim, attached.size]).toEqual([8, 1000]);
    expect(rowsOf(attached, [...ids, 'unknown'])).toEqual(rowsOf(table, [...ids, 'unknown']));
    const written = new Float32Array(handle.records);
    for (let word = 0; word < written.length; word += 1) if (word % 10 >= 2) written[word] = 1.5;
    expect(rowsOf(table, ['id0', 'id999']).flat()).toEqual(Array.from({ length: 16 }, () => 1.5));
  });

  test('keeps what it was when the table grows or expires afterwards', () => {
    const table = new EmbeddingTable({ dim: 2, seed: 1, expireMs: 1000 });
    table.admit(keysOf(ids), 0);
    const before = rowsOf(table, ids);
    const attached = attachTable(table.share());
    table.admit(keysOf(ids.map((id) => `more-${id}`)), 10_000);
    table.expire(10_000);
    expect(
      rowsOf(table, ids)
        .flat()
        .every((x) => x === 0),
    ).toBe(true);
    expect(rowsOf(attached, ids)).toEqual(before);
  });
});
