import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as send } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { sealShelf } from '../inference/shelf-model.js';
import { until } from '../until.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-'));
  const models = join(folder, 'models');
  await openArtifacts(models).activate('shelf', await sealShelf(models));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (name: string, more: Record<string, unknown> = {}): Promise<RunningServer> => {
  const places = { models: join(folder, 'models'), store: join(folder, name), log: 'off' };
  return startServer(readSettings({}, { ...places, port: 0, device: 'cpu', ...more }), {
    logger: silentLogger,
    signals: false,
  });
};

const candidates = Array.from({ length: 200 }, (_, index) => ({ id: `i${index}`, quality: index % 7 }));
const body = JSON.stringify({ user: { id: 'u', taste: 0.5 }, context: { device: 'tv' }, candidates });

interface Answer {
  readonly status: number;
  readonly ends: boolean;
  readonly retryAfter: string | undefined;
}

const ask = (url: string, agent: Agent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = send(`${url}/v1/rank`, { method: 'POST', headers, agent }, (response) => {
      const { statusCode: status = 0, headers: got } = response;
      const answer = { status, ends: got.connection === 'close', retryAfter: got['retry-after'] };
      response.resume().once('end', () => resolve(answer));
    });
    request.once('error', reject).end(body);
  });

/** So many clients, each of which asks again when it is answered, until it is told otherwise. */
const crowd = (url: string, size: number, goesOn: (answer: Answer) => boolean): Promise<Answer[]> => {
  const agent = new Agent({ keepAlive: true, maxSockets: size });
  const client = async (): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (;;) {
      const answer = await ask(url, agent);
      answers.push(answer);
      if (!goesOn(answer)) return answers;
    }
  };
  return Promise.all(Array.from({ length: size }, client))
    .then((each) => each.flat())
    .finally(() => agent.destroy());
};
const within = (ms: number): (() => boolean) => {
  const end = performance.now() + ms;
  return () => performance.now() < end;
};

describe('more clients than can be answered', () => {
  test('are answered or refused with when to come again, and nobody else notices once they are gone', async () => {
    const server = await start('crowd', { queueMs: 1 });
    try {
      const seen = { 200: 0, 503: 0 };
      const isEarly = within(2500);
      const isInTime = within(40_000);
      const answers = await crowd(server.url, 100, ({ status }) => {
        if (status === 200 || status === 503) seen[status]++;
        return isEarly() || (Math.min(seen[200], seen[503]) <= 10 && isInTime());
      });
      const refused = answers.filter(({ status }) => status === 503);
      const answered = answers.filter(({ status }) => status === 200);
      expect(refused.length + answered.length).toBe(answers.length);
      expect(answered.length).toBeGreaterThan(10);
      expect(refused.length).toBeGreaterThan(10);
      expect(refused.every(({ retryAfter }) => Number(retryAfter) >= 1)).toBe(true);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      const shed = /^watchnext_sheds_total\{reason="overloaded"\} (\d+)/m.exec(metrics)?.[1];
      expect(Number(shed)).toBe(refused.length);
      await until(async () => (await ask(server.url, new Agent())).status === 200);
    } finally {
      await server.close();
    }
  });

  test('get the fallback order where that is wanted', async () => {
    const server = await start('fallback', { queueMs: 4, overload: 'fallback' });
    try {
      await until(async () => {
        await crowd(server.url, 60, within(500));
        const metrics = await (await fetch(`${server.url}/metrics`)).text();
        return /watchnext_fallbacks_total\{ranker="shelf",reason="overloaded"\} [1-9]/.test(metrics);
      });
    } finally {
      await server.close();
    }
  });
});

test('draining under load resets no connection and fails nobody who stops when told that the connection ends', async () => {
  const server = await start('drain', { drainDelayMs: 3000 });
  const clients = crowd(server.url, 8, ({ ends }) => !ends);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const closed = server.close();
  const answers = await clients;
  await closed;
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  expect(answers.filter(({ ends }) => ends)).toHaveLength(8);
});
