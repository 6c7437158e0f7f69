import { beforeEach, describe, expect, test } from '@jest/globals';
import { createDrift, profileOf, type Drift, type Profile } from '../../src/drift/index.js';
import { createMetrics, type Metrics } from '../../src/telemetry/index.js';
import { SeededRandom } from '../../src/random.js';
import { rowsOf } from './rows.js';
import { scraped } from '../telemetry/scraped.js';

const tasks = ['click', 'watch'];
let now = 0;
let metrics: Metrics;
let drift: Drift;
beforeEach(() => {
  now = 0;
  metrics = createMetrics();
  drift = createDrift({ metrics, now: () => now });
});

const unit = (random: SeededRandom): number => random.next() / 2 ** 32;

/** Standard normal, by the sum of twelve uniforms. */
const normal = (random: SeededRandom): number => {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += unit(random);
  return sum;
};

/** An answer: click around `click`, watch in seconds, a number that is missing in some rows and one id of a few. */
const answer = (random: SeededRandom, { rows = 40, click = 0, missing = 0.1, ids = 8 } = {}) => {
  const heads = new Float32Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    heads[2 * row] = 1 / (1 + Math.exp(-(normal(random) + click)));
    heads[2 * row + 1] = 60 * unit(random);
  }
  const minutes = Array.from({ length: rows }, () => (unit(random) < missing ? Number.NaN : normal(random)));
  const tags = Array.from({ length: rows }, () => [Math.floor(unit(random) * ids)]);
  return { ...rowsOf(rows, { minutes }, { tags }), heads };
};

const trained = (seed: number, options = {}): Profile =>
  profileOf({ tasks, ...answer(new SeededRandom(seed), { rows: 4000, ...options }) });
const modelOf = (profile: Profile | undefined, ranker = 'films') => ({
  ranker,
  scorer: { tasks },
  ...(profile && { profile }),
});
const all = (rows: number): number[] => Array.from({ length: rows }, (_, row) => row);

const serve = (model: ReturnType<typeof modelOf>, answers: number, options = {}, seed = 9): void => {
  const random = new SeededRandom(seed);
  for (let i = 0; i < answers; i++) {
    now += 25;
    drift.shown({ model, ...answer(random, options), rows: all(40) });
  }
};

describe('what is shown, beside what the version was trained on', () => {
  test('is nowhere far from it where nothing changed', async () => {
    serve(modelOf(trained(1)), 400);
    const value = await scraped(metrics);
    expect(value('watchnext_drift_rows{ranker="films"}')).toBe(400 * 8);
    for (const series of [
      'watchnext_score_drift{ranker="films",head="click"}',
      'watchnext_score_drift{ranker="films",head="watch"}',
      'watchnext_feature_drift{ranker="films",feature="minutes"}',
      'watchnext_feature_drift{ranker="films",feature="tags"}',
    ])
      expect(value(series)).toBeLessThan(0.03);
    // Of a uniform distribution from 0 to 60.
    expect(value('watchnext_score_mean{ranker="films",head="watch"}')).toBeCloseTo(30, -1);
    const quantile = (q: string) => value(`watchnext_score_quantile{ranker="films",head="watch",quantile="${q}"}`)!;
    expect(Math.abs(quantile('0.1') - 6)).toBeLessThan(2);
    expect(Math.abs(quantile('0.5') - 30)).toBeLessThan(2.5);
    expect(Math.abs(quantile('0.9') - 54)).toBeLessThan(2);
  });

  test('is far where a head moved by one deviation, and only there', async () => {
    serve(modelOf(trained(1)), 400, { click: 1 });
    const value = await scraped(metrics);
    // Two normals of deviation 1 that lie 1 apart have a symmetric Kullback-Leibler divergence of 1; bins lose some of it.
    const moved = value('watchnext_score_drift{ranker="films",head="click"}')!;
    expect(moved).toBeGreaterThan(0.75);
    expect(moved).toBeLessThan(1.1);
    expect(value('watchnext_score_drift{ranker="films",head="watch"}')).toBeLessThan(0.03);
  });

  test('shows a feature that is no longer sent, and ids that are others', async () => {
    serve(modelOf(trained(1)), 400, { missing: 0.6, ids: 2 });
    const value = await scraped(metrics);
    // (0.6 - 0.1)·ln 6 of the missing and (0.4 - 0.9)·ln(0.4 / 0.9) of the rest, bin by bin the same ratio.
    expect(value('watchnext_feature_drift{ranker="films",feature="minutes"}')).toBeCloseTo(0.896 + 0.405, 0);
    expect(value('watchnext_feature_drift{ranker="films",feature="tags"}')).toBeGreaterThan(0.25);
    expect(value('watchnext_score_drift{ranker="films",head="watch"}')).toBeLessThan(0.03);
  });

  test('is not told on a few rows, nor against a profile of a few', async () => {
    serve(modelOf(trained(1)), 50);
    serve(modelOf(trained(2, { rows: 300 }), 'books'), 400);
    const value = await scraped(metrics);
    expect(value('watchnext_drift_rows{ranker="films"}')).toBe(400);
    expect(value('watchnext_score_mean{ranker="films",head="click"}')).toBeCloseTo(0.5, 1);
    expect(value('watchnext_score_drift{ranker="films",head="click"}')).toBeUndefined();
    expect(value('watchnext_score_drift{ranker="books",head="click"}')).toBeUndefined();
    expect(value('watchnext_drift_rows{ranker="books"}')).toBe(3200);
  });

  test('is looked at for ten minutes', async () => {
    const model = modelOf(trained(1));
    serve(model, 400, { click: 2 });
    now += 700_000;
    serve(model, 400);
    const value = await scraped(metrics);
    expect(value('watchnext_drift_rows{ranker="films"}')).toBe(400 * 8);
    expect(value('watchnext_score_drift{ranker="films",head="click"}')).toBeLessThan(0.03);
    now += 700_000;
    expect((await scraped(metrics))('watchnext_drift_rows{ranker="films"}')).toBe(0);
  });

  test('begins anew with another version, to which late answers of the one before do not count', async () => {
    const [before, after] = [modelOf(trained(1)), modelOf(trained(2, { click: 2 }))];
    serve(before, 400);
    await scraped(metrics);
    serve(after, 100, { click: 2 });
    serve(before, 100);
    const value = await scraped(metrics);
    expect(value('watchnext_drift_rows{ranker="films"}')).toBe(800);
    expect(value('watchnext_score_drift{ranker="films",head="click"}')).toBeLessThan(0.08);
  });

  test('is sampled: 50 answers a second, 8 rows of each, from all places of the list', async () => {
    const profile = trained(1);
    const heads = Float32Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? Math.floor(at / 2) : 0));
    for (let i = 0; i < 10_000; i++) {
      now += 1;
      drift.shown({ model: modelOf(profile), ...rowsOf(200, {}), heads, rows: all(200) });
    }
    const value = await scraped(metrics);
    expect(value('watchnext_drift_rows{ranker="films"}')).toBe(10 * 50 * 8);
    expect(Math.abs(value('watchnext_score_mean{ranker="films",head="click"}')! - 99.5)).toBeLessThan(1);
  });

  test('of features is told of the ten that moved most', async () => {
    const numbers = (shift: number, rows: number) =>
      Object.fromEntries(
        Array.from({ length: 14 }, (_, f) => [
          `f${f}`,
          Array.from({ length: rows }, (_, row) => (row % 100) + shift * f),
        ]),
      );
    const heads = (rows: number) => new Float32Array(2 * rows);
    const profile = profileOf({ tasks, ...rowsOf(1000, numbers(0, 1000)), heads: heads(1000) });
    for (let i = 0; i < 100; i++) {
      now += 25;
      drift.shown({ model: modelOf(profile), ...rowsOf(100, numbers(2, 100)), heads: heads(100), rows: all(100) });
    }
    const text = await metrics.scrape();
    const told = [...text.matchAll(/watchnext_feature_drift\{ranker="films",feature="f(\d+)"\}/g)].map(([, f]) =>
      Number(f),
    );
    expect(told.sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  test('is nothing for a version without a profile, or an answer without rows', async () => {
    serve(modelOf(undefined), 10);
    drift.shown({ model: modelOf(trained(1)), ...rowsOf(0, {}), heads: new Float32Array(0), rows: [] });
    expect((await scraped(metrics))('watchnext_drift_rows{ranker="films"}')).toBeUndefined();
  });
});
