import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Examples } from '../../training/fit/examples.js';
import { readBatches } from '../../training/fit/batches.js';
import { SeededRandom } from '../../training/fit/random.js';
import { ExampleSpool } from '../../training/fit/spool.js';

const spools: ExampleSpool[] = [];
afterEach(async () => {
  await Promise.all(spools.splice(0).map((spool) => spool.close()));
});

/** Requests with these many rows; row r of the log has label r, position r % 7, number r and r % 3 keys; request q at time q. */
function examplesOf(sizes: readonly number[], first = { request: 0, row: 0 }): Examples {
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const of = <T>(make: (row: number) => T): T[] => Array.from({ length: rows }, (_, row) => make(first.row + row));
  const bags = of((row) => Array.from({ length: row % 3 }, (_, i) => [row, i]));
  const offsets = new Int32Array(rows + 1);
  bags.forEach((bag, row) => (offsets[row + 1] = offsets[row]! + bag.length));
  const requests = sizes.map((_, request) => first.request + request);
  return {
    batch: {
      requests: sizes.length,
      rows,
      requestOf: Int32Array.from(sizes.flatMap((size, request) => new Array<number>(size).fill(request))),
      columns: new Map([
        ['row', { side: 'candidate', type: 'numbers', width: 1, values: Float32Array.from(of((row) => row)) }],
        ['keys', { side: 'candidate', type: 'keys', offsets, keys: Uint32Array.from(bags.flat(2)) }],
        [
          'pair',
          { side: 'request', type: 'numbers', width: 2, values: Float32Array.from(requests.flatMap((q) => [q, -q])) },
        ],
      ]),
    },
    labels: Float32Array.from(of((row) => row)),
    positions: Int32Array.from(of((row) => row % 7)),
    times: Float64Array.from(requests),
  };
}

/** One chunk per list of sizes. */
async function spoolOf(chunks: readonly (readonly number[])[], memoryBytes?: number): Promise<ExampleSpool> {
  const spool = new ExampleSpool(memoryBytes === undefined ? {} : { memoryBytes });
  spools.push(spool);
  const next = { request: 0, row: 0 };
  for (const sizes of chunks) {
    await spool.append(examplesOf(sizes, next));
    next.request += sizes.length;
    next.row += sizes.reduce((sum, size) => sum + size, 0);
  }
  return spool;
}

interface Seen {
  readonly rows: number[];
  readonly requests: number[];
  readonly sizes: number[];
}

/** Reads everything and checks that what belongs together stayed together. */
async function readAll(batches: AsyncIterable<Examples>): Promise<Seen> {
  const seen: Seen = { rows: [], requests: [], sizes: [] };
  for await (const { batch, labels, positions, times } of batches) {
    seen.sizes.push(batch.rows);
    seen.requests.push(...times);
    const row = batch.columns.get('row')!;
    const keys = batch.columns.get('keys')!;
    const pair = batch.columns.get('pair')!;
    if (row.type !== 'numbers' || keys.type !== 'keys' || pair.type !== 'numbers') throw new Error('columns changed');
    labels.forEach((label, at) => {
      seen.rows.push(label);
      expect(row.values[at]).toBe(label);
      expect(positions[at]).toBe(label % 7);
      expect(pair.values[2 * batch.requestOf[at]!]).toBe(times[batch.requestOf[at]!]);
      const bag = keys.keys.slice(2 * keys.offsets[at]!, 2 * keys.offsets[at + 1]!);
      expect([...bag]).toEqual(Array.from({ length: label % 3 }, (_, i) => [label, i]).flat());
    });
  }
  return seen;
}

const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('batches', () => {
  test('hold every request of the range once per pass, whole and with its own rows, in batches no larger than asked', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sizes, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        async (chunks, rows, windowChunks, seed) => {
          const spool = await spoolOf(chunks, 200);
          const flat = chunks.flat();
          const range = { first: 1, end: flat.length };
          const random = new SeededRandom(seed);
          const seen = await readAll(readBatches(spool, { range, rows, windowChunks, random }));
          expect(ascending(seen.requests)).toEqual(upTo(flat.length).slice(1));
          expect(ascending(seen.rows)).toEqual(upTo(spool.rows).slice(flat[0]));
          for (const size of seen.sizes) expect(size).toBeLessThanOrEqual(Math.max(rows, ...flat));
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });

  test('are full but for the last, also across windows', async () => {
    const spool = await spoolOf(upTo(10).map(() => new Array<number>(17).fill(1)));
    const range = { first: 0, end: 170 };
    const random = new SeededRandom(3);
    const { sizes } = await readAll(readBatches(spool, { range, rows: 16, windowChunks: 2, random }));
    expect(sizes).toEqual([...new Array<number>(10).fill(16), 10]);
  });

  test('put a request larger than a batch into one of its own', async () => {
    const spool = await spoolOf([[2, 2, 9, 2, 2]]);
    const { sizes } = await readAll(readBatches(spool, { range: { first: 0, end: 5 }, rows: 4 }));
    expect(sizes).toEqual([4, 9, 4]);
  });

  test('come in another order for another seed, in the same for the same, and in log order without one', async () => {
    const spool = await spoolOf(upTo(8).map(() => new Array<number>(20).fill(1)));
    const order = async (seed?: number): Promise<number[]> => {
      const random = seed === undefined ? {} : { random: new SeededRandom(seed) };
      return (await readAll(readBatches(spool, { range: { first: 0, end: 160 }, rows: 32, ...random }))).requests;
    };
    const first = await order(1);
    expect(await order(1)).toEqual(first);
    expect(await order(2)).not.toEqual(first);
    expect(await order()).toEqual(upTo(160));
    // Mixed across chunks, not only within: the first 40 of a pass come from all over the log.
    expect(new Set(first.slice(0, 40).map((request) => Math.floor(request / 20))).size).toBeGreaterThan(5);
  });
});

describe('a spool', () => {
  test('reads the same from memory and from its file', async () => {
    const chunks = [[1, 2], [3], [1, 1, 4]];
    const read = async (memoryBytes: number): Promise<Seen> =>
      readAll((await spoolOf(chunks, memoryBytes)).inOrder({ first: 0, end: 6 }));
    expect(await read(0)).toEqual(await read(1e9));
    expect((await read(0)).rows).toEqual(upTo(12));
  });

  test('has one digest for the same content, another for anything else', async () => {
    const digest = async (chunks: number[][]): Promise<string> => (await spoolOf(chunks)).digest;
    expect(await digest([[1, 2]])).toBe(await digest([[1, 2]]));
    expect(await digest([[2, 1]])).not.toBe(await digest([[1, 2]]));
  });

  test('finds requests by time', async () => {
    const spool = await spoolOf([[1, 1], [1], [1, 1]], 0);
    expect(await spool.timeOf(3)).toBe(3);
    expect(await spool.firstAt(-1)).toBe(0);
    expect(await spool.firstAt(2)).toBe(2);
    expect(await spool.firstAt(2.5)).toBe(3);
    expect(await spool.firstAt(99)).toBe(5);
    expect(await spool.rowsOf({ first: 1, end: 4 })).toBe(3);
  });
});
