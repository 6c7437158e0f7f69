import { afterEach, describe, expect, test } from '@jest/globals';
import { createMetrics, serveMetrics, type MetricsEndpoint } from '../../src/telemetry/index.js';

const open: MetricsEndpoint[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

const serve = async (problem?: () => string | undefined, port = 0): Promise<MetricsEndpoint> => {
  const metrics = createMetrics('learner');
  metrics.set('watchnext_learner_lag_seconds', { ranker: 'films' }, 3);
  const endpoint = await serveMetrics({ host: '127.0.0.1', port, metrics, ...(problem && { problem }) });
  open.push(endpoint);
  return endpoint;
};

describe('a port for metrics alone', () => {
  test('answers the metrics and whether it is well, and nothing else', async () => {
    const { url } = await serve();
    const scraped = await fetch(`${url}/metrics`);
    expect(scraped.headers.get('content-type')).toContain('text/plain');
    expect(await scraped.text()).toContain('watchnext_learner_lag_seconds{ranker="films"} 3');
    for (const path of ['/healthz', '/health?x=1']) expect((await fetch(url + path)).status).toBe(200);
    expect((await fetch(`${url}/v1/rank`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(404);
  });

  test('says what is wrong while something is', async () => {
    let problem: string | undefined = 'no version serves';
    const { url } = await serve(() => problem);
    const failing = await fetch(`${url}/healthz`);
    expect(failing.status).toBe(503);
    expect(await failing.json()).toEqual({ status: 'failing', reason: 'no version serves' });
    problem = undefined;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('that is taken is refused in words, and is free again once closed', async () => {
    const first = await serve();
    const port = Number(new URL(first.url).port);
    await expect(serve(undefined, port)).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [{ path: 'metricsPort', message: `port ${port} is taken on 127.0.0.1` }],
    });
    await first.close();
    expect((await serve(undefined, port)).url).toBe(first.url);
  });
});
