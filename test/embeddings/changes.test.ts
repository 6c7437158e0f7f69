import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  attachTable,
  EmbeddingTable,
  encodeTable,
  parseTable,
  type TableChanges,
  type TableOptions,
} from '../../src/embeddings/index.js';
import { bagsOf, keyOf, keysOf, rowsOf } from './bags.js';

const hour = 3_600_000;
const options = { dim: 3, seed: 1, init: { kind: 'normal', deviation: 1 } } as const;
const names = Array.from({ length: 30 }, (_, i) => `id${i}`);

function teach(table: EmbeddingTable, bags: readonly (readonly string[])[], size = 1): void {
  const gradient = Float32Array.from({ length: 3 * bags.length }, (_, i) => size * Math.sin(i + 1));
  table.accumulate({ ...bagsOf(bags), gradient, stride: 3, offset: 0 });
  table.update(1);
}

const wordsOf = (ids: readonly string[]): string[] => ids.map((id) => keyOf(id).join('/')).sort();
const idsOf = (keys: Uint32Array): string[] =>
  Array.from({ length: keys.length / 2 }, (_, i) => `${keys[2 * i]}/${keys[2 * i + 1]}`).sort();

describe('the changes of a table', () => {
  test('are all rows at first, then those that were begun or updated since', () => {
    const table = new EmbeddingTable(options);
    table.admit(keysOf(['a', 'b', 'c']), 0);
    const first = table.takeChanges();
    expect(idsOf(first.keys)).toEqual(wordsOf(['a', 'b', 'c']));
    expect([...first.values]).toEqual(rowsOf(table, ['a', 'b', 'c']).flat());
    expect(table.takeChanges()).toEqual({
      keys: new Uint32Array(0),
      values: new Float32Array(0),
      removed: new Uint32Array(0),
    });
    teach(table, [['b', 'stranger'], ['b']]);
    table.admit(keysOf(['d', 'a']), 5);
    const second = table.takeChanges();
    expect(idsOf(second.keys)).toEqual(wordsOf(['b', 'd']));
    expect([...second.values]).toEqual(rowsOf(table, ['b', 'd']).flat());
  });

  test('name what was freed, unless it was begun again', () => {
    const table = new EmbeddingTable({ ...options, expireMs: hour });
    table.admit(keysOf(['a', 'b', 'c', 'd']), 0);
    table.takeChanges();
    teach(table, [['a'], ['d']]);
    table.admit(keysOf(['d']), 2 * hour);
    expect(table.expire(2 * hour)).toBe(3);
    table.admit(keysOf(['b']), 2 * hour);
    const { keys, values, removed } = table.takeChanges();
    expect(idsOf(removed)).toEqual(wordsOf(['a', 'c']));
    expect(idsOf(keys)).toEqual(wordsOf(['b', 'd']));
    expect([...values]).toEqual(rowsOf(table, ['d', 'b']).flat());
    expect(idsOf(table.takeChanges().removed)).toEqual([]);
  });

  test('are every row when all begin anew', () => {
    const table = new EmbeddingTable(options);
    table.admit(keysOf(names), 0);
    table.takeChanges();
    table.reinitialise(1);
    expect(table.takeChanges().keys).toHaveLength(60);
  });

  test('that were not taken yet survive the file, and more can be added to them', () => {
    const table = new EmbeddingTable({ ...options, expireMs: hour });
    table.admit(keysOf(['a', 'b', 'c']), 0);
    table.takeChanges();
    table.admit(keysOf(['b', 'c']), 2 * hour);
    table.expire(2 * hour);
    teach(table, [['c']]);
    const restored = parseTable(table.serialise());
    restored.markChanged(keysOf(['b', 'never there']));
    const { keys, removed } = restored.takeChanges();
    expect(idsOf(keys)).toEqual(wordsOf(['b', 'c']));
    expect(idsOf(removed)).toEqual(wordsOf(['a', 'never there']));
    expect(Buffer.compare(parseTable(table.serialise()).serialise(), table.serialise())).toBe(0);
  });

  test('are not in the file of a table that nobody takes changes of, nor in one for serving', () => {
    const [taken, plain] = [new EmbeddingTable(options), new EmbeddingTable(options)];
    for (const table of [taken, plain]) table.admit(keysOf(names), 0);
    taken.takeChanges();
    expect(Buffer.from(plain.serialise()).toString('latin1')).not.toContain('changed');
    expect(Buffer.compare(taken.serialise({ training: false }), plain.serialise({ training: false }))).toBe(0);
  });
});

type Step =
  | { readonly kind: 'admit' | 'teach'; readonly ids: readonly string[] }
  | { readonly kind: 'expire' | 'take' | 'reopen' };
const someIds = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 8 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('admit' as const, 'teach' as const), ids: someIds }),
    fc.record({ kind: fc.constantFrom('expire' as const, 'take' as const, 'reopen' as const) }),
  ),
  { maxLength: 60 },
);
const variants: [string, Partial<TableOptions>][] = [
  ['as it is', {}],
  ['with averages', { averaging: 0.6 }],
  ['with ids that must be met twice', { minCount: 2, optimizer: { kind: 'rowwise_adagrad', rate: 0.1 } }],
];

describe('a table that takes over all changes', () => {
  test.each(variants)('serves what the taught one serves, bit for bit, %s', (_, more) => {
    fc.assert(
      fc.property(steps, (sequence) => {
        let taught = new EmbeddingTable({ ...options, expireMs: 3 * hour, ...more });
        const served = new EmbeddingTable(options);
        let now = 0;
        for (const step of [...sequence, { kind: 'take' } as const]) {
          now += hour;
          if (step.kind === 'admit') taught.admit(keysOf(step.ids), now);
          if (step.kind === 'teach') teach(taught, [step.ids], 3);
          if (step.kind === 'expire') taught.expire(now);
          if (step.kind === 'reopen') taught = parseTable(taught.serialise());
          if (step.kind !== 'take') continue;
          served.apply(taught.takeChanges());
          const expected = more.averaging === undefined ? taught : taught.averaged();
          expect(served.size).toBe(expected.size);
          expect(rowsOf(served, names)).toEqual(rowsOf(expected, names));
        }
      }),
      { seed: 3, numRuns: 150 },
    );
  });

  test('averages are sent on until they have reached their rows, then no more', () => {
    const taught = new EmbeddingTable({ ...options, averaging: 0.5 });
    taught.admit(keysOf(['a', 'b']), 0);
    taught.takeChanges();
    teach(taught, [['a']]);
    const served = taught.averaged();
    let sent = 0;
    for (let step = 0; step < 60; step += 1) {
      taught.update(1);
      const changes = taught.takeChanges();
      sent += changes.keys.length / 2;
      served.apply(changes);
      expect(rowsOf(served, ['a', 'b'])).toEqual(rowsOf(taught.averaged(), ['a', 'b']));
    }
    expect(sent).toBeGreaterThan(5);
    expect(sent).toBeLessThan(40);
  });

  test('finds the right rows however ids come and go, also where their hashes collide', () => {
    const key = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(7, 8));
    const change = fc.record({ key, remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const table = new EmbeddingTable({ dim: 1, seed: 1 });
        const reference = new Map<string, number>();
        changes.forEach(({ key: [high, low], remove }, at) => {
          const keys = Uint32Array.of(high, low);
          const none = new Uint32Array(0);
          if (remove) reference.delete(`${high}/${low}`);
          else reference.set(`${high}/${low}`, at + 1);
          const values = Float32Array.from(remove ? [] : [at + 1]);
          table.apply({ keys: remove ? none : keys, values, removed: remove ? keys : none } satisfies TableChanges);
        });
        expect(table.size).toBe(reference.size);
        const { keys, values } = table.contents();
        const held = new Map(idsInOrder(keys).map((id, row) => [id, values[row]]));
        expect(new Map([...held].sort())).toEqual(new Map([...reference].sort()));
        const all = Uint32Array.from([0, 1, 2, 3, 4, 5].flatMap((high) => [high, 7, high, 8]));
        const out = new Float32Array(12);
        table.pool({ offsets: Int32Array.from({ length: 13 }, (_, i) => i), keys: all, out, stride: 1, offset: 0 });
        expect([...out]).toEqual(idsInOrder(all).map((id) => reference.get(id) ?? 0));
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  test('leaves a copy of it alone, and who is attached to the copy', () => {
    const table = new EmbeddingTable(options);
    table.admit(keysOf(names), 0);
    const copy = table.copy();
    const attached = attachTable(copy.share());
    const before = rowsOf(attached, names);
    const served = table.copy();
    served.apply({ keys: keysOf(['id3', 'new']), values: new Float32Array(6).fill(9), removed: keysOf(['id4']) });
    expect(rowsOf(served, ['id3', 'new', 'id4'])).toEqual([
      [9, 9, 9],
      [9, 9, 9],
      [0, 0, 0],
    ]);
    expect(rowsOf(attached, names)).toEqual(before);
    expect(rowsOf(copy, names)).toEqual(before);
  });

  test('must not be one that is taught itself', () => {
    const table = new EmbeddingTable(options);
    table.admit(keysOf(['a']), 0);
    expect(() => table.apply(table.takeChanges())).toThrow(/taught/);
  });
});

const idsInOrder = (keys: Uint32Array): string[] =>
  Array.from({ length: keys.length / 2 }, (_, i) => `${keys[2 * i]}/${keys[2 * i + 1]}`);

describe('a snapshot of a table', () => {
  test.each<[string, Partial<TableOptions>]>([
    ['rowwise_adagrad', { optimizer: { kind: 'rowwise_adagrad', rate: 0.1 } }],
    ['lazy_adam with averages and counted sightings', { averaging: 0.9, minCount: 2 }],
  ])('becomes the file that would have been written then, with %s', (_, more) => {
    const table = new EmbeddingTable({ ...options, ...more });
    for (const now of [0, 1]) table.admit(keysOf(names), now);
    table.takeChanges();
    teach(table, [['id1', 'id2'], ['id7']]);
    const expected = table.serialise();
    const snapshot = table.snapshot();
    teach(table, [['id1'], ['id3']]);
    table.admit(keysOf(['x', 'x', 'y']), 7);
    expect(Buffer.compare(encodeTable(structuredClone(snapshot)), expected)).toBe(0);
    // The memory of a larger one is used again, whatever was in it.
    const wide = { header: snapshot.header, words: new Uint32Array(snapshot.words.length + 1000).fill(0xffffffff) };
    const again = table.snapshot(wide);
    expect(again.words).toBe(wide.words);
    expect(Buffer.compare(encodeTable(again), table.serialise())).toBe(0);
    expect(table.snapshot({ ...wide, words: new Uint32Array(3) }).words.length).toBeGreaterThan(3);
  });

  test('is not taken in the middle of a step', () => {
    const table = new EmbeddingTable(options);
    table.admit(keysOf(['a']), 0);
    table.accumulate({ ...bagsOf([['a']]), gradient: Float32Array.of(1, 1, 1), stride: 3, offset: 0 });
    expect(() => table.snapshot()).toThrow(/between steps/);
  });
});
