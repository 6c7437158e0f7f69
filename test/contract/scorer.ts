import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { concatBatches, type FeatureBatch } from '../../src/features/index.js';
import type { Scorer } from '../../src/inference/index.js';

/** What every Scorer promises. `open` makes a fresh one; `batch` reads a list with these qualities. */
export const scorerContract = (
  name: string,
  subject: {
    open: () => Promise<Scorer>;
    batch: (qualities: readonly number[]) => FeatureBatch;
    close?: () => Promise<void>;
  },
): void => {
  describe(`${name} as a scorer`, () => {
    let scorer: Scorer;
    beforeAll(async () => void (scorer = await subject.open()));
    afterAll(async () => {
      await scorer.close();
      await subject.close?.();
    });

    test('answers one value per row and task', async () => {
      for (const rows of [1, 3, 70]) {
        const { heads } = await scorer.score(subject.batch(Array.from({ length: rows }, (_, row) => row)));
        expect(heads).toHaveLength(rows * scorer.tasks.length);
        expect(heads.every(Number.isFinite)).toBe(true);
      }
    });

    test('answers the same to the same', async () => {
      const [first, again] = [await scorer.score(subject.batch([1, 2])), await scorer.score(subject.batch([1, 2]))];
      expect([...again.heads]).toEqual([...first.heads]);
    });

    test('answers joined requests as it answers each alone', async () => {
      const lists = [[1, 2, 3], [5], [4, 4]].map(subject.batch);
      const alone = await Promise.all(lists.map((list) => scorer.score(list)));
      const joined = await scorer.score(concatBatches(lists));
      const expected = alone.flatMap(({ heads }) => [...heads]);
      expect(joined.heads).toHaveLength(expected.length);
      expected.forEach((value, at) => expect(joined.heads[at]).toBeCloseTo(value, 5));
    });

    test('keeps overlapping calls apart and leaves the batches to their owner', async () => {
      const lists = Array.from({ length: 20 }, (_, index) => subject.batch([index, 2 * index]));
      const copies = structuredClone(lists);
      const overlapping = await Promise.all(lists.map((list) => scorer.score(list)));
      for (const [index, list] of lists.entries())
        expect([...overlapping[index]!.heads]).toEqual([...(await scorer.score(list)).heads]);
      expect(lists).toEqual(copies);
    });

    test('finishes what is in flight when it is closed, and refuses what comes later', async () => {
      const other = await subject.open();
      const inFlight = Array.from({ length: 5 }, () => other.score(subject.batch([1, 2])));
      const closing = other.close();
      await expect(Promise.all(inFlight)).resolves.toHaveLength(5);
      await closing;
      await other.close();
      await expect(other.score(subject.batch([1]))).rejects.toMatchObject({ code: 'not_ready' });
      await expect(scorer.score(subject.batch([1]))).resolves.toBeDefined();
    });
  });
};
