import { expect, test } from '@jest/globals';
import { createMetrics, metricCatalogue, type Metrics } from '../../src/telemetry/index.js';
import { startApp } from '../http/client.js';

const range = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);

/** What a service in production has of the labels whose values the catalogue cannot list. */
const open: Readonly<Record<string, readonly string[]>> = {
  ranker: ['films', 'films_wide'],
  feature: range(20, 'feature_'),
  head: range(6, 'head_'),
  version: ['20260430T235959Z-0a1b2c'],
  status: ['200', '400'],
  arm: ['a', 'b'],
  experiment: ['colour'],
  key: range(3, 'key'),
  node: ['20.20.0'],
};
/** Narrower than what the labels alone say: of a feature most values are there or missing, and ten are told of drift. */
const narrowed: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  watchnext_feature_problems_total: { problem: ['missing'] },
  watchnext_feature_drift: { feature: range(10, 'feature_') },
};

/** Every series of the catalogue at once: every reason, outcome and source has happened. */
const useAll = (metrics: Metrics, routes: readonly string[]): void => {
  for (const [name, { kind, labels }] of Object.entries(metricCatalogue)) {
    let sets: Record<string, string>[] = [{}];
    for (const [label, said] of Object.entries(labels) as [string, string | readonly string[]][]) {
      const all =
        narrowed[name]?.[label] ?? (typeof said !== 'string' ? said : label === 'route' ? routes : open[label]);
      if (all === undefined) throw new Error(`${name}: how many values has ${label}?`);
      sets = sets.flatMap((set) => all.map((value) => ({ ...set, [label]: value })));
    }
    for (const set of sets) {
      if (kind === 'counter') metrics.count(name as never, set);
      else if (kind === 'gauge') metrics.set(name as never, set, 1);
      else metrics.observe(name as never, set, 0.01);
    }
  }
};

const seriesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('a service with two rankers of 20 features and 6 heads has under 500 series, whatever has happened', async () => {
  const metrics = createMetrics();
  useAll(metrics, [
    '/v1/rank',
    '/v1/feedback',
    '/v1/items',
    '/v1/users',
    '/v1/models',
    '/readyz',
    '/metrics',
    'unknown',
  ]);
  const series = seriesOf(await metrics.scrape());
  expect(series.length).toBeGreaterThan(300);
  expect(series.length).toBeLessThan(500);
});

test('routes that people do not wait for share one histogram', async () => {
  const app = await startApp();
  for (const path of ['/', '/healthz', '/v1/models', '/openapi.json', '/nowhere', '/elsewhere'])
    await app.call('GET', path);
  await app.call('POST', '/v1/rank', { user: { id: 'u' }, candidates: [{ id: 'a' }] });
  await app.call('GET', '/readyz');
  const text = (await app.call('GET', '/metrics')).text;
  await app.close();
  const timed = [...text.matchAll(/watchnext_http_request_seconds_count\{route="([^"]*)"\}/g)].map(
    ([, route]) => route,
  );
  expect(timed.sort()).toEqual(['/v1/rank', 'other']);
  expect(text).toContain('watchnext_http_requests_total{route="unknown",status="404"} 2');
});
