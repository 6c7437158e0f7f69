import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { learnShelf, type ShelfLearner } from '../inference/shelf-lessons.js';
import { sealShelf } from '../inference/shelf-model.js';

let folder: string;
let server: RunningServer;
let base: string;
let learner: ShelfLearner;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-deltas-'));
  const models = join(folder, 'models');
  base = await sealShelf(models);
  const artifacts = openArtifacts(models);
  await artifacts.activate('shelf', base);
  learner = await learnShelf(artifacts, base);
  const places = { models, store: join(folder, 'store'), logDirectory: join(folder, 'log') };
  const settings = readSettings({}, { ...places, port: 0, device: 'cpu', pollMs: 50, deadlineMs: 60_000 });
  server = await startServer(settings, { logger: silentLogger, signals: false });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const rank = async (): Promise<{ version: string; items: readonly { heads: { watch: number } }[] }> => {
  const body = JSON.stringify({ user: { taste: 1 }, candidates: [{ id: 'i0', quality: 1 }] });
  const headers = { 'content-type': 'application/json' };
  return (await (await fetch(`${server.url}/v1/rank`, { method: 'POST', body, headers })).json()) as never;
};
const model = async (): Promise<Record<string, unknown>> =>
  ((await (await fetch(`${server.url}/v1/models`)).json()) as { rankers: [Record<string, unknown>] }).rankers[0];
const servesAfter = async (version: string): Promise<void> => {
  const deadline = performance.now() + 20_000;
  while ((await rank()).version !== version)
    if (performance.now() > deadline) throw new Error(`${version} never served`);
};

test('what is learned from feedback reaches answers by itself, and the service says how fresh it is', async () => {
  const before = await rank();
  expect(before.version).toBe(base);
  const feedbackAt = Date.now() - 2000;
  await servesAfter(await learner.publish({ rows: { i0: [10, 0] }, scale: 2, feedbackTimes: [feedbackAt] }));
  expect((await rank()).items[0]!.heads.watch).toBeGreaterThan(before.items[0]!.heads.watch + 5);
  expect(await model()).toMatchObject({
    active: base,
    version: `${base}+1`,
    delta: 1,
    learnedUntil: new Date(1_767_300_000_000).toISOString(),
    freshness: { samples: 1 },
  });
  const { p50Seconds } = (await model()).freshness as { p50Seconds: number };
  expect(p50Seconds).toBeGreaterThan(1.9);
  expect(p50Seconds).toBeLessThan(25);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/watchnext_freshness_seconds_count\{ranker="shelf"\} 1\n/);
  expect(metrics).toContain(`watchnext_active_version_info{ranker="shelf",version="${base}"} 1`);
});

test('a withdrawn delta serves no longer, and the reason is shown', async () => {
  await openArtifacts(join(folder, 'models')).withdraw('shelf', 0, 'click is worse than before');
  await servesAfter(base);
  const { refusals } = (await model()) as { refusals: unknown[] };
  expect(refusals).toMatchObject([{ candidate: `${base}+1`, reason: 'click is worse than before' }]);
});

test('inspect shows the version with its deltas, and what was withdrawn', async () => {
  const flags = ['--import', './test/typescript/register.js', '--disable-warning=ExperimentalWarning', 'cli/main.ts'];
  const inspect = async (version: string): Promise<string> => {
    const words = [...flags, 'inspect', `shelf@${version}`, '--models', join(folder, 'models')];
    return (await promisify(execFile)(process.execPath, words)).stdout;
  };
  const shown = await inspect(`${base}+1`);
  expect(shown).toContain('learned since it was sealed: 1 delta\n');
  expect(shown).toContain(`learned until  ${new Date(1_767_300_000_000).toISOString()}`);
  expect(shown).toContain('only the first 0 deltas may serve');
  expect(shown).toContain('click is worse than before');
  expect(await inspect(base)).toContain(`inspect shelf@${base}+1 for the last`);
});
