import { request as send } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Scorer } from '../../src/inference/index.js';
import { modelOf, plainHeads, ranking, scorerOf } from '../ranking/shelf.js';
import { startApp, type TestService } from './client.js';
import { until } from '../until.js';

let service: TestService;
afterEach(() => service.close());

const body = {
  user: { id: 'u' },
  candidates: [
    { id: 'a', quality: 1 },
    { id: 'b', quality: 2 },
  ],
};
/** A scorer that answers when the test says so, and what it was asked with. */
const heldScorer = () => {
  const asked: Parameters<Scorer['score']>[1][] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const plain = scorerOf((batch) => ({ heads: plainHeads(batch) }));
  const scorer: Scorer = {
    ...plain,
    score: async (batch, until) => {
      asked.push(until);
      await held;
      return plain.score(batch);
    },
  };
  return { scorer, asked, release: () => release() };
};

describe('X-Deadline-Ms', () => {
  test.each(['0', '-1', '60001', '1.5', 'soon', ' '])('%j is refused with what is allowed', async (sent) => {
    service = await startApp();
    const { status, json } = await service.call('POST', '/v1/rank', body, { 'x-deadline-ms': sent });
    expect(status).toBe(400);
    expect(json.error.problems).toEqual([
      expect.objectContaining({ path: 'X-Deadline-Ms', message: expect.stringContaining('from 1 to 60000') }),
    ]);
  });

  test('is when the answer comes at the latest: in the fallback order if there are no scores', async () => {
    const { scorer, release } = heldScorer();
    service = await startApp({ bench: ranking(modelOf({ scorer })) });
    const started = performance.now();
    const answer = await service.call('POST', '/v1/rank', body, { 'x-deadline-ms': '150' });
    expect(performance.now() - started).toBeGreaterThan(140);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"reason":"deadline_passed"')]);
    expect(await service.metrics.scrape()).toContain('watchnext_sheds_total{reason="deadline"} 1');
    release();
  });

  test('is told to the scorer, and where it is left out the setting is', async () => {
    const { scorer, asked, release } = heldScorer();
    release();
    service = await startApp({ bench: ranking(modelOf({ scorer })), settings: { deadlineMs: 5000 } });
    await service.call('POST', '/v1/rank', body, { 'x-deadline-ms': '60000' });
    await service.call('POST', '/v1/rank', body);
    const left = asked.map((until) => until!.deadline! - performance.now());
    expect(left[0]).toBeGreaterThan(50_000);
    expect(left[1]).toBeLessThan(5000);
    expect(left[1]).toBeGreaterThan(3000);
  });
});

test('who hangs up while scores are awaited gets no impression, and is counted', async () => {
  const { scorer, asked, release } = heldScorer();
  service = await startApp({ bench: ranking(modelOf({ scorer })) });
  const { port } = service;
  const headers = { 'content-type': 'application/json' };
  const client = send({ port, host: '127.0.0.1', method: 'POST', path: '/v1/rank', headers, agent: false });
  client.on('error', () => undefined).end(JSON.stringify(body));
  await until(() => asked.length > 0);
  client.destroy();
  await until(() => asked[0]!.signal!.aborted);
  release();
  await until(async () => (await service.metrics.scrape()).includes('watchnext_sheds_total{reason="cancelled"}'));
  expect(await service.metrics.scrape()).toContain('watchnext_sheds_total{reason="cancelled"} 1');
});
