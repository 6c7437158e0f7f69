import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RankerDefinition } from '../../src/definition/index.js';
import { createWindows, type JudgedRows, type Windows } from '../../training/stream/index.js';
import { smallRanker } from '../fit/world.js';
import { judgedRows, type JudgedRequest } from './judged.js';

const ranker = (rows: number): RankerDefinition => ({ ...smallRanker(), stream: { gate: { rows } } });

/** Requests whose time says which they are; request i has 1 + i % 3 rows. */
const numbered = (first: number, count: number): JudgedRows =>
  judgedRows(
    Array.from({ length: count }, (_, i): JudgedRequest => {
      const request = first + i;
      return {
        time: request,
        version: `v${Math.floor(request / 10)}`,
        arms: [request % 2 === 0 ? 'colour/red' : 'colour/blue'],
        rows: Array.from({ length: 1 + (request % 3) }, (_, row) => ({
          labels: [(request + row) % 2, Number.NaN],
          predicted: [request / 1000, 1],
          served: [1 - request / 1000, 1],
          length: request,
          ids: Array.from({ length: request % 4 }, () => request),
        })),
      };
    }),
  );

const fill = (windows: Windows, sizes: readonly number[]): Windows => {
  let first = 0;
  for (const size of sizes) {
    windows.add(numbered(first, size));
    first += size;
  }
  return windows;
};

describe('windows', () => {
  test('keep the last whole requests, however they were added', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 }), (sizes) => {
        const windows = fill(createWindows({ definition: ranker(50), rows: 20 }), sizes);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        // Counted from the end, request by request, until 20 rows are exceeded by the whole ones.
        let [first, rows] = [total, 0];
        while (first > 0 && rows < 20) rows += 1 + (--first % 3);
        expect([...windows.newest().times]).toEqual(Array.from({ length: total - first }, (_, i) => first + i));
        expect(windows.rows).toBe(rows);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test('hand out the newest rows with all that belongs to them', () => {
    const windows = fill(createWindows({ definition: ranker(50), rows: 100 }), [7, 3, 10]);
    // Requests 17, 18 and 19 have three rows, one and two.
    expect(windows.newest(4)).toEqual(numbered(17, 3));
    expect(windows.newest(3)).toEqual(numbered(18, 2));
    expect(windows.newest(1)).toEqual(numbered(19, 1));
    expect(windows.newest(3, (version) => version === 'v0')).toEqual(numbered(8, 2));
    expect(windows.newest(1000, (version) => version === 'v1')).toEqual(numbered(10, 10));
    expect(windows.newest()).toEqual(numbered(0, 20));
  });

  test('measure the learner, what was served, one version and one arm by the rows of each', () => {
    const windows = fill(createWindows({ definition: ranker(50), rows: 100 }), [20]);
    const rows = Array.from({ length: 20 }, (_, i) => i).flatMap((i) =>
      Array.from({ length: 1 + (i % 3) }, (_, row) => ({ request: i, label: (i + row) % 2 })),
    );
    const auc = (of: typeof rows, score: (request: number) => number): number => {
      const pairs = of
        .filter(({ label }) => label === 1)
        .flatMap((one) =>
          of.filter(({ label }) => label === 0).map((zero) => score(one.request) - score(zero.request)),
        );
      return pairs.reduce((wins, pair) => wins + (pair > 0 ? 1 : pair === 0 ? 0.5 : 0), 0) / pairs.length;
    };
    const learner = windows.measures({ by: 'learner' })['click']!;
    expect(learner.rows).toBe(rows.length);
    expect(learner.positives).toBe(rows.filter(({ label }) => label === 1).length);
    expect(learner.auc).toBeCloseTo(
      auc(rows, (request) => request),
      10,
    );
    const meanPrediction = rows.reduce((sum, { request }) => sum + request / 1000, 0) / rows.length;
    expect(learner.calibration).toBeCloseTo(meanPrediction / (learner.positives / rows.length), 5);
    const served = windows.measures({ by: 'served' })['click']!;
    expect(served.auc).toBeCloseTo(1 - learner.auc, 10);
    const ofVersion = rows.filter(({ request }) => request >= 10);
    expect(windows.measures({ by: { version: 'v1' } })['click']).toMatchObject({ rows: ofVersion.length });
    const red = rows.filter(({ request }) => request % 2 === 0);
    expect(windows.measures({ by: { arm: 'colour/red' } })['click']!.auc).toBeCloseTo(
      auc(red, (request) => -request),
      10,
    );
    expect(windows.versions()).toEqual(['v0', 'v1']);
    const deltas = createWindows({ definition: ranker(50) });
    for (const version of ['v1', 'v1+1', 'v10', 'v1+2'])
      deltas.add(judgedRows([{ version, rows: [{ labels: [1, 1], served: [0.5, 1] }] }]));
    expect(deltas.measures({ by: { sealed: 'v1' } })['click']!.rows).toBe(3);
    expect(deltas.measures({ by: { version: 'v1' } })['click']!.rows).toBe(1);
    expect(windows.arms()).toEqual(['colour/red', 'colour/blue']);
    expect(windows.measures({ by: 'learner' })['watch']!.rows).toBe(0);
  });

  test('measure a regression on the scale of its loss', () => {
    const labels = [3, 10, 40];
    const predicted = [4, 8, 60];
    const windows = createWindows({ definition: ranker(50), rows: 100 });
    windows.add(
      judgedRows([{ rows: labels.map((label, i) => ({ labels: [1, label], predicted: [0.5, predicted[i]!] })) }]),
    );
    const logs = labels.map(Math.log1p);
    const mean = logs.reduce((a, b) => a + b) / 3;
    const error = logs.reduce((sum, y, i) => sum + (Math.log1p(predicted[i]!) - y) ** 2, 0);
    const { watch } = windows.measures({ by: 'learner' });
    expect(watch!.normalisedEntropy).toBeCloseTo(error / logs.reduce((sum, y) => sum + (y - mean) ** 2, 0), 10);
    expect(watch!.calibration).toBeCloseTo(72 / 53, 6);
    expect(watch!.auc).toBeNaN();
  });

  test('go on after a restart as if there had been none', () => {
    const sizes = Array.from({ length: 120 }, (_, i) => 1 + (i % 7));
    const definition = ranker(50);
    const whole = fill(createWindows({ definition, rows: 130 }), sizes);
    let resumed = createWindows({ definition, rows: 130 });
    let first = 0;
    for (const [index, size] of sizes.entries()) {
      resumed.add(numbered(first, size));
      first += size;
      if (index % 9 !== 0) continue;
      const next = createWindows({ definition, rows: 130 });
      next.restore(resumed.snapshot());
      resumed = next;
    }
    expect(resumed.newest()).toEqual(whole.newest());
    expect(resumed.anchor()).toEqual(whole.anchor());
    expect(Buffer.from(resumed.snapshot()).equals(whole.snapshot())).toBe(true);
  });

  test('go on from a snapshot of nothing', () => {
    const windows = createWindows({ definition: ranker(50), rows: 100 });
    windows.restore(createWindows({ definition: ranker(50), rows: 100 }).snapshot());
    windows.add(numbered(0, 3));
    expect(windows.newest()).toEqual(numbered(0, 3));
  });
});

describe('the anchor', () => {
  test('has nothing of the newest rows, and no more than it may', () => {
    const windows = fill(createWindows({ definition: ranker(50), rows: 1000 }), [10]);
    expect(windows.anchor().batch.rows).toBe(0);
    for (let first = 10; first < 400; first += 10) windows.add(numbered(first, 10));
    const anchor = windows.anchor();
    expect(anchor.batch.rows).toBeLessThanOrEqual(50);
    expect(anchor.batch.rows).toBeGreaterThan(44);
    // The newest 2 x 50 rows are those of the last 50 requests, two rows each on average.
    expect(Math.max(...anchor.times)).toBeLessThan(351);
    const { time, versions } = { time: anchor.times[0]!, versions: anchor.versions };
    expect(versions[0]).toBe(`v${Math.floor(time / 10)}`);
  });

  test('is an even sample of the past', () => {
    const found: number[] = [];
    for (let seed = 0; seed < 40; seed++) {
      const definition = { ...ranker(50), training: { seed } };
      const windows = createWindows({ definition, rows: 1000 });
      for (let first = 0; first < 650; first += 10) windows.add(numbered(first, 10));
      found.push(...windows.anchor().times);
    }
    const oldest = 600;
    const mean = found.reduce((sum, time) => sum + time, 0) / found.length;
    // About 1,000 draws from 0 .. 600: the mean of that many is within 20 of 300 but for one time in 4,000.
    expect(Math.abs(mean - oldest / 2)).toBeLessThan(20);
    expect(found.filter((time) => time < 150).length / found.length).toBeGreaterThan(0.19);
  });

  test('may begin with rows that were learned before', () => {
    const before = numbered(1000, 20);
    const windows = createWindows({ definition: ranker(50), rows: 1000, anchor: before });
    expect(windows.anchor()).toEqual(before);
  });
});
