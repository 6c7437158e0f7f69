import { describe, expect, test } from '@jest/globals';
import { examinationByLists, type ListCell } from '../../training/examination/index.js';
import { drawOf, truth } from './platform.js';

const buckets = 10;
const relevanceOf = (bucket: number): number => 0.02 + 0.05 * bucket;

/** Lists of five, the best first: higher places have better items, with some noise in the order. */
function lists(seed: number, requests: number): ListCell[] {
  const { uniform, below } = drawOf(seed, 5);
  const cells = new Map<string, { rows: number; outcomes: number }>();
  for (let request = 0; request < requests; request++) {
    const group = below(20);
    const order = Array.from({ length: 5 }, () => below(buckets))
      .map((bucket) => ({ bucket, key: bucket + 3 * uniform() }))
      .sort((a, b) => b.key - a.key);
    order.forEach(({ bucket }, place) => {
      const key = `${group}/${bucket}/${place + 1}`;
      const cell = cells.get(key) ?? { rows: 0, outcomes: 0 };
      cell.rows++;
      if (uniform() < truth(place + 1) * relevanceOf(bucket)) cell.outcomes++;
      cells.set(key, cell);
    });
  }
  return [...cells].map(([key, cell]) => {
    const [group = 0, bucket = 0, position = 0] = key.split('/').map(Number);
    return { group, bucket, position, ...cell };
  });
}

describe('examination by ordinary lists', () => {
  test('parts what stands high from what is good, given how good it is', () => {
    const cells = lists(1, 60_000);
    const found = examinationByLists(cells, 5);
    found.forEach((estimate, place) => expect(Math.abs(estimate!.ratio / truth(place + 1) - 1)).toBeLessThan(0.08));
    // Without the relevance the fall looks steeper than it is.
    const alike = examinationByLists(
      cells.map((cell) => ({ ...cell, bucket: 0 })),
      5,
    );
    expect(alike[4]!.ratio / truth(5)).toBeLessThan(0.75);
  });

  test('its interval holds the truth at about its rate', () => {
    let [covered, all] = [0, 0];
    for (let seed = 0; seed < 40; seed++) {
      examinationByLists(lists(seed, 2500), 5).forEach((estimate, place) => {
        if (place === 0) return;
        const [low, high] = estimate!.interval!;
        all++;
        if (low <= truth(place + 1) && truth(place + 1) <= high) covered++;
      });
    }
    // 160 intervals, four of which share each log.
    expect(covered / all).toBeGreaterThan(0.88);
  });

  test('is 1 at the first position, and nothing where nothing was shown or came', () => {
    const cells: ListCell[] = [
      { group: 0, bucket: 1, position: 1, rows: 10, outcomes: 4 },
      { group: 1, bucket: 1, position: 1, rows: 10, outcomes: 6 },
      { group: 0, bucket: 1, position: 2, rows: 10, outcomes: 0 },
    ];
    expect(examinationByLists(cells, 3)).toEqual([{ ratio: 1, interval: [1, 1] }, undefined, undefined]);
    expect(examinationByLists([], 2)).toEqual([undefined, undefined]);
    expect(examinationByLists(cells.slice(0, 1), 1)).toEqual([{ ratio: 1 }]);
  });
});
