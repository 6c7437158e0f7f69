import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import { bagsOf, keysOf, rowsOf } from './bags.js';

const ids = (count: number, prefix = 'id'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const hour = 3_600_000;

describe('rows of an embedding table', () => {
  test('are found again however far the table has grown', () => {
    const table = new EmbeddingTable({ dim: 3, seed: 1 });
    const first = ids(50);
    table.admit(keysOf(first), 0);
    const before = rowsOf(table, first);
    table.admit(keysOf(ids(20_000, 'later')), 0);
    expect(table.size).toBe(20_050);
    expect(rowsOf(table, first)).toEqual(before);
  });

  test('begin the same whatever the order and the company in which ids arrive', () => {
    const forwards = new EmbeddingTable({ dim: 5, seed: 9 });
    const backwards = new EmbeddingTable({ dim: 5, seed: 9 });
    forwards.admit(keysOf(ids(100)), 0);
    for (const id of ids(200).reverse()) backwards.admit(keysOf([id]), 7);
    expect(rowsOf(backwards, ids(100))).toEqual(rowsOf(forwards, ids(100)));
  });

  test('differ between seeds, epochs, ids and columns', () => {
    const table = new EmbeddingTable({ dim: 8, seed: 1 });
    const other = new EmbeddingTable({ dim: 8, seed: 2 });
    for (const each of [table, other]) each.admit(keysOf(ids(50)), 0);
    const values = [rowsOf(table, ids(50)), rowsOf(other, ids(50))];
    table.reinitialise(1);
    values.push(rowsOf(table, ids(50)));
    const all = values.flat(2);
    expect(new Set(all).size).toBeGreaterThan(all.length - 3);
  });

  test.each([
    { kind: 'normal', deviation: 0.3, widest: Infinity },
    { kind: 'uniform', deviation: 0.3, widest: 0.3 * Math.sqrt(3) },
  ] as const)('have mean zero and the given deviation when drawn $kind', ({ kind, deviation, widest }) => {
    const table = new EmbeddingTable({ dim: 16, seed: 3, init: { kind, deviation } });
    table.admit(keysOf(ids(2500)), 0);
    const values = [...table.contents().values];
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan((4 * deviation) / Math.sqrt(values.length));
    expect(Math.sqrt(variance) / deviation).toBeCloseTo(1, 1);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(widest);
    const neighbours = values.slice(1).reduce((sum, x, i) => sum + x * (values[i] as number), 0) / values.length;
    expect(Math.abs(neighbours)).toBeLessThan((5 * deviation ** 2) / Math.sqrt(values.length));
    if (kind === 'normal') {
      const beyond = values.filter((x) => Math.abs(x) > 2 * deviation).length / values.length;
      expect(beyond).toBeCloseTo(0.0455, 2);
    }
  });

  test('are told apart even where hashes agree in one half or lie in one run of slots', () => {
    const table = new EmbeddingTable({ dim: 1, seed: 4, init: { kind: 'normal', deviation: 1 } });
    const words = Array.from({ length: 600 }, (_, i) => [i, 7, 7, i, i, i]).flat();
    table.admit(Uint32Array.from(words), 0);
    expect(table.size).toBe(
      new Set(Array.from({ length: 1800 }, (_, i) => `${words[2 * i]}/${words[2 * i + 1]}`)).size,
    );
  });
});

describe('pooling', () => {
  test('adds the mean of each bag, unknown ids being zero vectors, and leaves other columns alone', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 }), { maxLength: 12 }), (bags) => {
        const table = new EmbeddingTable({ dim: 3, seed: 5, init: { kind: 'normal', deviation: 1 } });
        const known = Array.from({ length: 25 }, (_, id) => id);
        table.admit(keysOf(known), 0);
        const rows = rowsOf(table, known);
        const out = new Float32Array(bags.length * 7).fill(10);
        table.pool({ ...bagsOf(bags), out, stride: 7, offset: 2 });
        bags.forEach((bag, i) => {
          for (let column = 0; column < 7; column += 1) {
            const within = column >= 2 && column < 5 && bag.length > 0;
            const sum = bag.reduce((total, id) => total + (rows[id]?.[column - 2] ?? 0), 0);
            expect(out[i * 7 + column]).toBeCloseTo(10 + (within ? sum / bag.length : 0), 4);
          }
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});

describe('admission', () => {
  test('gives a row at the nth sighting, repeats within one call included', () => {
    const table = new EmbeddingTable({ dim: 2, seed: 1, minCount: 3 });
    table.admit(keysOf(['a', 'b', 'a']), 0);
    expect(table.size).toBe(0);
    table.admit(keysOf(['a', 'b']), 0);
    expect(rowsOf(table, ['a', 'b']).map((row) => row.some((x) => x !== 0))).toEqual([true, false]);
    table.admit(keysOf(['b']), 0);
    expect(table.size).toBe(2);
  });

  test('holds a stream of ids seen once in bounded memory and admits next to none of them', () => {
    const table = new EmbeddingTable({ dim: 2, seed: 1, minCount: 2 });
    table.admit(keysOf(['warm', 'warm']), 0);
    const bytes = table.byteLength;
    const stream = new Uint32Array(2 * 400_000);
    for (let i = 0; i < stream.length; i += 1) stream[i] = Math.imul(i + 1, 0x9e3779b1) ^ (i << 7);
    table.admit(stream, 0);
    expect(table.size).toBeLessThan(0.02 * 400_000);
    expect(table.byteLength - bytes).toBeLessThan(2_000_000);
  });
});

describe('expiry', () => {
  const options = { dim: 4, seed: 2, expireMs: 10 * hour, optimizer: { kind: 'lazy_adam', rate: 0.1 } } as const;

  test('frees ids not seen for longer than the age and keeps the others, their optimiser state included', () => {
    const table = new EmbeddingTable(options);
    const lasting = new EmbeddingTable(options);
    const old = ids(300, 'old');
    const live = ids(500, 'live');
    const teach = (each: EmbeddingTable, step: number): void => {
      const gradient = Float32Array.from({ length: live.length * 4 }, (_, i) => Math.sin(i + step));
      each.accumulate({ ...bagsOf(live.map((id) => [id])), gradient, stride: 4, offset: 0 });
      each.update(1);
    };
    // Interleaved arrival: expiry has to close gaps all over the table.
    table.admit(keysOf(old.flatMap((id, i) => [id, live[i] as string])), 0);
    table.admit(keysOf(live), 0);
    lasting.admit(keysOf(live), 0);
    for (const each of [table, lasting]) teach(each, 1);
    table.admit(keysOf(live), 9 * hour);
    expect(table.expire(9 * hour)).toBe(0);
    expect(table.expire(11 * hour)).toBe(300);
    expect(table.size).toBe(500);
    for (const each of [table, lasting]) teach(each, 2);
    expect(rowsOf(table, live)).toEqual(rowsOf(lasting, live));
    expect(
      rowsOf(table, old)
        .flat()
        .every((x) => x === 0),
    ).toBe(true);
  });

  test('an id that returns begins anew, without the state of the row it had or of the row it takes', () => {
    const table = new EmbeddingTable(options);
    table.admit(keysOf(['gone']), 0);
    const start = rowsOf(table, ['gone']);
    const learn = (): void => {
      table.accumulate({ ...bagsOf([['gone']]), gradient: Float32Array.of(1, 2, 3, 4), stride: 4, offset: 0 });
      table.update(1);
    };
    learn();
    const once = rowsOf(table, ['gone']);
    table.expire(11 * hour);
    table.admit(keysOf(['gone']), 12 * hour);
    expect(rowsOf(table, ['gone'])).toEqual(start);
    learn();
    expect(rowsOf(table, ['gone'])).toEqual(once);
  });

  test('finds every row after many rounds of arrivals and departures', () => {
    const table = new EmbeddingTable({ dim: 1, seed: 6, expireMs: 3 * hour, init: { kind: 'normal', deviation: 1 } });
    const reference = new Map<string, number>();
    let random = 1;
    for (let now = 0; now < 60; now += 1) {
      for (let i = 0; i < 200; i += 1) {
        random = (Math.imul(random, 48271) >>> 0) % 2147483647;
        reference.set(`n${random % 3000}`, now);
        table.admit(keysOf([`n${random % 3000}`]), now * hour);
      }
      table.expire(now * hour);
      for (const [id, seen] of reference) if (seen < now - 3) reference.delete(id);
      expect(table.size).toBe(reference.size);
    }
    expect(rowsOf(table, [...reference.keys()]).every(([x]) => x !== 0)).toBe(true);
  });
});
