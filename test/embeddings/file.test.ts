import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { EmbeddingTable, parseTable, type TableOptions } from '../../src/embeddings/index.js';
import { WatchnextError } from '../../src/errors.js';
import { bagsOf, keysOf, rowsOf } from './bags.js';

const golden = new URL('../golden/embedding-table-v1.bin', import.meta.url);

function taughtTable(options: Partial<TableOptions> = {}): EmbeddingTable {
  const table = new EmbeddingTable({ dim: 2, seed: 7, ...options });
  table.admit(keysOf(['a', 'b', 'c']), 1_700_000_000_000);
  table.accumulate({ ...bagsOf([['a', 'b']]), gradient: Float32Array.of(1, -1), stride: 2, offset: 0 });
  table.update(1);
  return table;
}

/** A file whose checksum is right although its contents were changed. */
function resealed(bytes: Uint8Array, change: (bytes: Buffer) => Buffer): Uint8Array {
  const body = change(Buffer.from(bytes.subarray(0, -32)));
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

function withHeader(bytes: Uint8Array, change: (text: string) => string): Uint8Array {
  return resealed(bytes, (body) => {
    const end = 16 + body.readUInt32LE(12);
    const text = change(body.toString('utf8', 16, end));
    const header = Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4));
    const prefix = Buffer.from(body.subarray(0, 16));
    prefix.writeUInt32LE(header.length, 12);
    return Buffer.concat([prefix, header, body.subarray(end)]);
  });
}

function refusal(bytes: Uint8Array): string {
  try {
    parseTable(bytes, 'videos');
  } catch (error) {
    if (error instanceof WatchnextError && error.code === 'artifact_damaged') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('the file of an embedding table', () => {
  test('has the golden bytes of format version 1', () => {
    const bytes = taughtTable({ optimizer: { kind: 'rowwise_adagrad', rate: 0.5 } }).serialise();
    expect(Buffer.from(bytes).toString('hex')).toBe(readFileSync(golden).toString('hex'));
    expect(parseTable(readFileSync(golden)).size).toBe(3);
  });

  test('gives the same rows with training state or without, which is smaller', () => {
    const table = taughtTable();
    const [full, serving] = [table.serialise(), table.serialise({ training: false })];
    expect(serving.length).toBeLessThan(full.length);
    for (const bytes of [full, serving]) {
      expect(rowsOf(parseTable(bytes), ['a', 'b', 'c', 'd'])).toEqual(rowsOf(table, ['a', 'b', 'c', 'd']));
    }
  });

  test('holds an empty table', () => {
    expect(parseTable(new EmbeddingTable({ dim: 4, seed: 1 }).serialise()).size).toBe(0);
  });

  test('equal tables are equal files, whatever the order of their options', () => {
    const one = new EmbeddingTable({ dim: 2, seed: 1, penalty: 0.1, minCount: 2 });
    const two = new EmbeddingTable({ minCount: 2, penalty: 0.1, seed: 1, dim: 2 });
    expect(Buffer.compare(one.serialise(), two.serialise())).toBe(0);
  });

  test('is not written in the middle of a step', () => {
    const table = taughtTable();
    table.accumulate({ ...bagsOf([['a']]), gradient: Float32Array.of(1, 1), stride: 2, offset: 0 });
    expect(() => table.serialise()).toThrow(/between steps/);
  });
});

describe('a damaged table is refused by name', () => {
  const bytes = taughtTable().serialise();

  test('whichever byte was changed', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x40;
      expect(refusal(damaged)).toContain('videos');
    }
  });

  test('wherever it was cut, and when something follows', () => {
    for (let length = 0; length < bytes.length; length += 7)
      expect(refusal(bytes.subarray(0, length))).toContain('videos');
    expect(refusal(Buffer.concat([bytes, Buffer.alloc(4)]))).toContain('checksum');
  });

  test.each([
    ['a later version', resealed(bytes, (body) => (body.writeUInt32LE(2, 8), body)), 'version 2'],
    ['a header longer than the file', resealed(bytes, (body) => (body.writeUInt32LE(1e9, 12), body)), 'header'],
    ['more rows than records', withHeader(bytes, (text) => text.replace('"rows":3', '"rows":4000000000')), 'records'],
    ['rows of another width', withHeader(bytes, (text) => text.replace('"dim":2', '"dim":3')), 'records'],
    ['rows too wide to be meant', withHeader(bytes, (text) => text.replace('"dim":2', '"dim":2e9')), 'header'],
    ['a section beyond the end', withHeader(bytes, (text) => text.replace('"words":12', '"words":13')), 'add up'],
    ['a section of negative size', withHeader(bytes, (text) => text.replace('"words":12', '"words":-2')), 'header'],
    ['a header that is no JSON', withHeader(bytes, (text) => text.slice(1)), 'header'],
    ['a header that is null', withHeader(bytes, () => 'null'), 'header'],
    [
      'an unknown initialisation',
      withHeader(bytes, (t) => t.replace('"seed":7', '"seed":7,"init":{"kind":"x"}')),
      'header',
    ],
  ])('when its checksum is right but it holds %s', (_, file, why) => {
    expect(refusal(file)).toContain(why);
  });
});
