import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CellTable } from '../../src/features/state/cells.js';

const key = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 }));

describe('a cell table', () => {
  test('finds what a Map would find, through growth and expiry', () => {
    const action = fc.oneof(
      { weight: 9, arbitrary: fc.record({ key, amount: fc.integer({ min: 1, max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ unseenFor: fc.integer({ min: 1, max: 60 }) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const table = new CellTable(1);
        const model = new Map<string, { time: number; sum: number }>();
        actions.forEach((step, time) => {
          if ('unseenFor' in step) {
            table.expire(time - step.unseenFor);
            for (const [id, cell] of model) if (cell.time < time - step.unseenFor) model.delete(id);
            return;
          }
          const [high, low] = step.key;
          // Keys that share their low word, or their place, must still be told apart.
          const at = table.insert(high, (low << 28) >>> 0, time) * table.stride;
          table.values[at] = time;
          table.values[at + 1]! += step.amount;
          const id = `${high}:${(low << 28) >>> 0}`;
          model.set(id, { time, sum: (model.get(id)?.sum ?? 0) + step.amount });
        });
        expect(table.size).toBe(model.size);
        for (const [id, { sum }] of model) {
          const [high, low] = id.split(':').map(Number);
          expect(table.values[table.find(high!, low!) * table.stride + 1]).toBe(sum);
        }
        expect(table.find(9, 9)).toBe(-1);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  test('finds every key, and none that is not there, while it grows', () => {
    const table = new CellTable(1);
    const low = (i: number): number => Math.imul(i, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 5000; i++) {
      expect(table.insert(i % 3, low(i), i)).toBe(i);
      for (const some of [0, i >> 1, Math.max(0, i - 1), i]) expect(table.insert(some % 3, low(some), i)).toBe(some);
      expect(table.find((i + 1) % 3, low(i))).toBe(-1);
    }
    expect(table.expire(1000)).toBe(1000);
    for (let i = 0; i < 5000; i++) expect(table.find(i % 3, low(i))).toBe(i < 1000 ? -1 : i - 1000);
  });

  test('drops faded cells before it grows', () => {
    const table = new CellTable(3, { fadesAfterMs: 100 });
    for (let i = 0; i < 100_000; i++) table.insert(1, i, i);
    expect(table.keys.length / 2).toBeLessThan(1000);
    expect(table.find(1, 99_999)).toBeGreaterThanOrEqual(0);
    expect(table.find(1, 99_900)).toBeGreaterThanOrEqual(0);
  });

  test('takes no more than twice its keys and values', () => {
    const table = new CellTable(2);
    for (let i = 0; i < 100_000; i++) table.insert(i, Math.imul(i, 0x9e3779b1) >>> 0, 0);
    const { keys, values } = table.rows();
    expect(table.keys.byteLength + table.values.byteLength).toBeLessThan(2 * (keys.byteLength + values.byteLength));
  });
});
