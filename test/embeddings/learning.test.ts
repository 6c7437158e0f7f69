import { describe, expect, test } from '@jest/globals';
import { EmbeddingTable, type SparseOptimizerOptions, type TableOptions } from '../../src/embeddings/index.js';
import { bagsOf, keysOf, rowsOf } from './bags.js';

const normal = { kind: 'normal', deviation: 0.5 } as const;
type Bag = readonly string[];

/** The formulas of the documentation in float64 over plain maps: slow, and nothing like the table's own loops. */
class Reference {
  readonly rows = new Map<string, { x: number[]; a: number; m: number[]; v: number[]; t: number }>();
  private readonly options: TableOptions;
  constructor(options: TableOptions, start: ReadonlyMap<string, number[]>) {
    this.options = options;
    for (const [id, x] of start) this.rows.set(id, { x: [...x], a: 0, m: x.map(() => 0), v: x.map(() => 0), t: 0 });
  }

  step(slots: readonly { bags: readonly Bag[]; gradient: readonly number[][] }[], factor: number): void {
    const sums = new Map<string, number[]>();
    for (const { bags, gradient } of slots) {
      bags.forEach((bag, i) => {
        for (const id of bag) {
          if (!this.rows.has(id)) continue;
          const sum = sums.get(id) ?? gradient[i]!.map(() => 0);
          sums.set(
            id,
            sum.map((value, column) => value + gradient[i]![column]! / bag.length),
          );
        }
      });
    }
    const optimizer = this.options.optimizer as SparseOptimizerOptions;
    const rate = optimizer.rate * factor;
    for (const [id, sum] of sums) {
      const row = this.rows.get(id)!;
      const g = sum.map((value, column) => value + (this.options.penalty ?? 0) * row.x[column]!);
      row.t += 1;
      row.a += g.reduce((total, value) => total + value * value, 0) / g.length;
      row.m = row.m.map((m, column) => 0.9 * m + 0.1 * g[column]!);
      row.v = row.v.map((v, column) => 0.999 * v + 0.001 * g[column]! ** 2);
      row.x = row.x.map((x, column) => {
        if (optimizer.kind === 'rowwise_adagrad') return x - (rate * g[column]!) / (Math.sqrt(row.a) + 1e-10);
        const mean = row.m[column]! / (1 - 0.9 ** row.t);
        const square = row.v[column]! / (1 - 0.999 ** row.t);
        return x - (rate * mean) / (Math.sqrt(square) + 1e-8);
      });
    }
  }
}

const names = Array.from({ length: 12 }, (_, i) => `id${i}`);
const bagsAt = (step: number, slot: number): Bag[] =>
  Array.from({ length: 6 }, (_, bag) =>
    Array.from({ length: (step + bag + slot) % 4 }, (_, k) => `id${(step * 5 + bag * 3 + k * 2 + slot) % 16}`),
  );
const gradientAt = (step: number, slot: number): number[][] =>
  Array.from({ length: 6 }, (_, bag) => [1, 2, 3].map((column) => Math.sin(step + 2 * slot + 3 * bag + 5 * column)));

function teach(table: EmbeddingTable, step: number, factor = 1): void {
  for (const slot of [0, 1]) {
    const gradient = Float32Array.from(gradientAt(step, slot).flatMap((row) => [99, ...row, 99]));
    table.accumulate({ ...bagsOf(bagsAt(step, slot)), gradient, stride: 5, offset: 1 });
  }
  table.update(factor);
}

const optimizers: SparseOptimizerOptions[] = [
  { kind: 'rowwise_adagrad', rate: 0.05 },
  { kind: 'lazy_adam', rate: 0.05 },
];

describe.each(optimizers)('a step of $kind', (optimizer) => {
  test.each([0, 0.3])('follows the documented formula with penalty %d', (penalty) => {
    const options = { dim: 3, seed: 1, init: normal, optimizer, penalty };
    const table = new EmbeddingTable(options);
    table.admit(keysOf(names), 0);
    const reference = new Reference(options, new Map(names.map((id, i) => [id, rowsOf(table, names)[i]!])));
    for (let step = 0; step < 25; step += 1) {
      const factor = step < 10 ? 1 : 0.3;
      teach(table, step, factor);
      reference.step(
        [0, 1].map((slot) => ({ bags: bagsAt(step, slot), gradient: gradientAt(step, slot) })),
        factor,
      );
    }
    const got = rowsOf(table, names).flat();
    names
      .flatMap((id) => reference.rows.get(id)!.x)
      .forEach((expected, i) => expect(Math.abs(got[i]! - expected)).toBeLessThan(2e-5 * (1 + Math.abs(expected))));
  });

  test('leaves rows alone that no bag touched, and answers how many it moved', () => {
    const table = new EmbeddingTable({ dim: 3, seed: 1, init: normal, optimizer });
    table.admit(keysOf(names), 0);
    const before = rowsOf(table, names);
    const gradient = Float32Array.of(1, 1, 1, 1, 1, 1);
    table.accumulate({
      ...bagsOf([
        ['id1', 'id1', 'id4'],
        ['stranger', 'id4'],
      ]),
      gradient,
      stride: 3,
      offset: 0,
    });
    expect(table.update(1)).toBe(2);
    expect(table.update(1)).toBe(0);
    const moved = rowsOf(table, names).map((row, i) => row.join() !== before[i]!.join());
    expect(names.filter((_, i) => moved[i])).toEqual(['id1', 'id4']);
  });

  test('after reinitialise starts from zeroed state and fresh rows, with the same ids', () => {
    const table = new EmbeddingTable({ dim: 3, seed: 1, init: normal, optimizer });
    const fresh = new EmbeddingTable({ dim: 3, seed: 1, init: normal, optimizer });
    for (const each of [table, fresh]) each.admit(keysOf(names), 0);
    for (let step = 0; step < 5; step += 1) teach(table, step);
    for (const each of [table, fresh]) each.reinitialise(3);
    expect(rowsOf(table, names)).toEqual(rowsOf(fresh, names));
    for (const each of [table, fresh]) teach(each, 1);
    expect(rowsOf(table, names)).toEqual(rowsOf(fresh, names));
  });

  test('goes on bit for bit from a serialised table, growth and admission included', () => {
    const options = { dim: 3, seed: 1, init: normal, optimizer, minCount: 2, averaging: 0.9 };
    const straight = new EmbeddingTable(options);
    let resumed = new EmbeddingTable(options);
    for (let step = 0; step < 12; step += 1) {
      resumed = EmbeddingTable.parse(resumed.serialise(), 'resumed');
      for (const each of [straight, resumed]) {
        each.admit(keysOf(bagsAt(step, 0).flat()), step * 1000);
        teach(each, step);
      }
    }
    expect(straight.size).toBeGreaterThan(5);
    expect(Buffer.compare(resumed.serialise(), straight.serialise())).toBe(0);
  });
});

describe('the moving average', () => {
  test('equals one kept by visiting every row at every step', () => {
    const table = new EmbeddingTable({ dim: 3, seed: 1, init: normal, averaging: 0.8 });
    table.admit(keysOf(names.slice(0, 8)), 0);
    let means = rowsOf(table, names);
    for (let step = 0; step < 20; step += 1) {
      teach(table, step, 20);
      const rows = rowsOf(table, names);
      means = means.map((mean, i) => mean.map((value, column) => 0.8 * value + 0.2 * rows[i]![column]!));
      if (step === 9) {
        table.admit(keysOf(names), 0);
        means = means.map((mean, i) => (i < 8 ? mean : rowsOf(table, names)[i]!));
      }
    }
    const averaged = rowsOf(table.averaged(), names).flat();
    means.flat().forEach((mean, i) => expect(averaged[i]).toBeCloseTo(mean, 5));
    expect(averaged).not.toEqual(rowsOf(table, names).flat());
  });
});
