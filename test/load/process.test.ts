import { afterEach, describe, expect, test } from '@jest/globals';
import { generate, startGenerator, type Plan } from '../../load-tests/generator/index.js';
import { summarisePhases } from '../../load-tests/measure/index.js';
import { parseRate } from '../../load-tests/options.js';
import { serve, stopServers } from './server.js';

afterEach(stopServers);
/** The sources as they are, without a build. */
const node = ['--import', './test/typescript/register.js', '--disable-warning=ExperimentalWarning'];
const phases = [{ name: 'held', seconds: 1, rate: 40 }];
const plan: Plan = {
  load: { kind: 'open', phases, arrivals: 'uniform' },
  audience: { users: 10, items: 50, candidates: 20, exponent: 1, contexts: [{}] },
  ...{ seed: 1, connections: 16, timeoutMs: 30_000 },
};

describe('the generator as a process of its own', () => {
  test('sends what the plan says and answers what became of it', async () => {
    const asked: { candidates: unknown[] }[] = [];
    const url = await serve((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        asked.push(JSON.parse(text) as { candidates: unknown[] });
        response.end(asked.length % 2 === 0 ? '{"fallback":{}}' : '{}');
      });
    });
    const recording = await generate(plan, [url], node);
    const [held] = summarisePhases(recording, phases);
    expect(held).toMatchObject({ requests: asked.length, outcomes: { failed: 0 } });
    expect(held!.outcomes.fallback).toBe(Math.floor(asked.length / 2));
    expect(Math.abs(asked.length - 40)).toBeLessThanOrEqual(1);
    expect(asked.every(({ candidates }) => candidates.length === 20)).toBe(true);
    expect(recording.cpuSeconds).toBeGreaterThan(0);
  }, 240_000);

  test('says so when it ends early', async () => {
    const url = await serve((request) => void request.resume());
    const generator = await startGenerator(plan, node);
    const run = generator.run([url]);
    generator.stop();
    await expect(run).rejects.toThrow('ended early: SIGKILL');
  }, 240_000);
});

test('a rate is requests a second or a share of saturation, and nothing else', () => {
  expect([parseRate('120'), parseRate('50%'), parseRate(' 12.5 ')]).toEqual([
    { perSecond: 120 },
    { share: 0.5 },
    { perSecond: 12.5 },
  ]);
  for (const text of ['', '0', '-1', '50 %', 'half', '1e3', '%']) expect(parseRate(text)).toBeUndefined();
});
