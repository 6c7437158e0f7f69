import { afterEach, describe, expect, test } from '@jest/globals';
import { processUse, scrapeOf, scrapeUntil, sumOf } from '../../load-tests/service/index.js';
import { memoryTrend } from '../../load-tests/scenarios/soak.js';
import { createMetrics } from '../../src/telemetry/index.js';
import { serve, stopServers } from './server.js';

afterEach(stopServers);

describe('metrics of a service', () => {
  test('are read as it writes them', async () => {
    const metrics = createMetrics();
    metrics.count('watchnext_swaps_total', { ranker: 'a', outcome: 'swapped' }, 3);
    metrics.count('watchnext_swaps_total', { ranker: 'b', outcome: 'swapped' }, 2);
    metrics.count('watchnext_swaps_total', { ranker: 'b', outcome: 'refused' });
    const text = await metrics.scrape();
    const scrape = await scrapeOf(await serve(({ url }, response) => response.end(url === '/metrics' ? text : '')));
    expect(sumOf(scrape, 'watchnext_swaps_total', { outcome: 'swapped' })).toBe(5);
    expect(sumOf(scrape, 'watchnext_swaps_total', { outcome: 'swapped', ranker: 'b' })).toBe(2);
    expect(sumOf(scrape, 'watchnext_swaps_total')).toBe(6);
    expect(sumOf(scrape, 'watchnext_swaps')).toBe(0);
  });

  test('are read until something is so, or it takes too long', async () => {
    let reads = 0;
    const url = await serve((_, response) => response.end(`reads_total ${++reads}\n`));
    const reaches = (count: number, timeoutMs: number) =>
      scrapeUntil(url, (scrape) => sumOf(scrape, 'reads_total') >= count, { timeoutMs, everyMs: 5 });
    expect(sumOf(await reaches(4, 30_000), 'reads_total')).toBe(4);
    // However little there is time for: what it answers is what it read last.
    const last = sumOf(await reaches(1e6, 200), 'reads_total');
    expect(last).toBe(reads);
    expect(last).toBeGreaterThan(4);
  });
});

(process.platform === 'linux' ? test : test.skip)('a process is known by its memory and its time', () => {
  const before = processUse(process.pid);
  const until = performance.now() + 100;
  while (performance.now() < until);
  const after = processUse(process.pid);
  expect(Math.abs((after?.rssBytes ?? 0) / process.memoryUsage.rss() - 1)).toBeLessThan(0.2);
  expect(after?.privateBytes).toBeLessThan(after?.rssBytes ?? 0);
  expect((after?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0)).toBeLessThan(2);
  expect(processUse(2 ** 30)).toBeUndefined();
});

describe('memory over time', () => {
  const samples = (mb: (second: number) => number) =>
    Array.from({ length: 600 }, (_, second) => ({ atMs: 1000 * second, privateBytes: mb(second) * 2 ** 20 }));

  test('that rises only at first is flat', () => {
    const trend = memoryTrend({ samples: samples((second) => 300 + Math.min(second, 120)) }, 600);
    expect(trend).toEqual({ memorySlopeMbPerMinute: 0, memoryGrowthShare: 0 });
  });

  test('that rises all the time is told by the minute and as a share', () => {
    const { memorySlopeMbPerMinute, memoryGrowthShare } = memoryTrend(
      { samples: samples((second) => 300 + second / 6) },
      600,
    );
    expect(memorySlopeMbPerMinute).toBeCloseTo(10, 2);
    // 75 MB of 362 on average.
    expect(memoryGrowthShare).toBeCloseTo(75 / 362, 2);
  });
});
