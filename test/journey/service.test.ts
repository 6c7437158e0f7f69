import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { sealShelf } from '../inference/shelf-model.js';
import { until } from '../until.js';

let folder: string;
let settings: Settings;
let server: RunningServer;
let versions: { good: string; better: string; lying: string; broken: string };

interface Ranked {
  readonly version: string;
  readonly items: readonly { readonly id: string; readonly score?: number; readonly heads: Record<string, number> }[];
}
interface Model {
  readonly ranker: string;
  readonly active: string | null;
  readonly versions: readonly string[];
  readonly refused?: { readonly version: string; readonly code: string; readonly reason: string };
}

interface Refused {
  readonly error?: { readonly code: string; readonly message: string };
}

const json = { 'content-type': 'application/json' };
const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(server.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: json }),
  });
  return { status: response.status, body: await response.json() };
};
const request = {
  user: { taste: 1 },
  candidates: [
    { id: 'i0', quality: 1 },
    { id: 'i1', quality: 3 },
  ],
};
const rank = async (): Promise<Ranked> => (await call('POST', '/v1/rank', request)).body as Ranked;
const model = async (): Promise<Model> => ((await call('GET', '/v1/models')).body as { rankers: [Model] }).rankers[0];
const activate = async (version: string): Promise<{ status: number; body: Model & Refused }> => {
  const { status, body } = await call('POST', '/v1/models/shelf/activate', { version });
  return { status, body: body as Model & Refused };
};

/** Asks until it is so, and gives up after 20 seconds. */
const start = (store: string, more: Partial<Settings> = {}): Promise<RunningServer> =>
  startServer(
    { ...settings, store: join(folder, store), logDirectory: join(folder, `${store}-log`), ...more },
    { logger: silentLogger, signals: false },
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-service-'));
  const models = join(folder, 'models');
  const at = (day: number): { nowMs: number } => ({ nowMs: Date.UTC(2026, 0, day) });
  versions = {
    good: await sealShelf(models, at(1)),
    better: await sealShelf(models, { scale: 2, ...at(2) }),
    lying: await sealShelf(models, { error: 0.01, ...at(3) }),
    broken: await sealShelf(models, { graph: Uint8Array.of(1, 2, 3), ...at(4) }),
  };
  await openArtifacts(models).activate('shelf', versions.good);
  settings = readSettings(
    {},
    {
      ...{ models, store: join(folder, 'store'), port: 0, device: 'cpu', pollMs: 50 },
      // What is answered is asked here, not how soon on a busy machine.
      ...{ deadlineMs: 60_000, queueMs: 60_000 },
    },
  );
  server = await start('store');
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

describe('a service over sealed versions', () => {
  test('is ready, ranks with the active version, and says which', async () => {
    expect((await call('GET', '/readyz')).status).toBe(200);
    const { version, items } = await rank();
    expect(version).toBe(versions.good);
    expect(items.map(({ id }) => id)).toEqual(['i1', 'i0']);
    expect(items[0]!.heads.click).toBeCloseTo(1 / (1 + Math.exp(-items[0]!.heads.watch!)), 5);
  });

  test('serves another version as soon as activate answers, and the one before after rollback', async () => {
    const before = await rank();
    expect((await activate(versions.better)).body).toMatchObject({ active: versions.better });
    const after = await rank();
    expect(after.version).toBe(versions.better);
    expect(after.items[0]!.heads.watch).toBeCloseTo(2 * before.items[0]!.heads.watch!, 4);
    const { body } = await call('POST', '/v1/models/shelf/rollback');
    expect(body).toMatchObject({ active: versions.good });
    expect((await rank()).version).toBe(versions.good);
  });

  test('refuses a version whose golden rows differ, or that cannot be run, and goes on', async () => {
    const lying = await activate(versions.lying);
    expect([lying.status, lying.body.error?.code]).toEqual([409, 'artifact_damaged']);
    expect(lying.body.error?.message).toContain('golden rows');
    expect((await activate(versions.broken)).body.error?.code).toBe('artifact_damaged');
    expect((await activate('20200101T000000Z-000000000000')).status).toBe(404);
    expect((await activate('../../etc')).body.error?.code).toMatch(/^artifact_/);
    expect(await model()).toMatchObject({ active: versions.good, refused: { version: '../../etc' } });
    expect((await rank()).version).toBe(versions.good);
  });

  test('follows what another process activates, and refuses it if it must', async () => {
    const others = openArtifacts(settings.models);
    await others.activate('shelf', versions.better);
    await until(async () => (await rank()).version === versions.better);
    await others.activate('shelf', versions.lying);
    await until(async () => (await model()).refused?.version === versions.lying);
    expect((await rank()).version).toBe(versions.better);
    await others.activate('shelf', versions.good);
    await until(async () => (await rank()).version === versions.good);
    expect((await model()).refused).toBeUndefined();
  });

  test('fails no request while versions are swapped under load', async () => {
    let done = false;
    const answered: Ranked[] = [];
    const client = async (): Promise<void> => {
      while (!done) {
        const { status, body: answer } = await call('POST', '/v1/rank', request);
        expect(status).toBe(200);
        const body = answer as Ranked;
        expect(body.items.every(({ score }) => score !== undefined)).toBe(true);
        answered.push(body);
      }
    };
    const clients = Array.from({ length: 4 }, client);
    for (let swap = 0; swap < 6; swap++) {
      expect((await activate(swap % 2 === 0 ? versions.better : versions.good)).status).toBe(200);
      const answers = answered.length;
      await until(() => Promise.resolve(answered.length > answers + 8));
    }
    done = true;
    await Promise.all(clients);
    const watched = new Map(answered.map(({ version, items }) => [version, items[0]!.heads.watch!]));
    expect([...watched.keys()].sort()).toEqual([versions.good, versions.better].sort());
    // Every answer is wholly of the version it names.
    for (const { version, items } of answered) expect(items[0]!.heads.watch).toBe(watched.get(version));
  });

  test('counts what its features met', async () => {
    await call('POST', '/v1/rank', { context: { device: 'toaster' }, candidates: [{ id: 'i0' }] });
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toContain('watchnext_feature_problems_total{ranker="shelf",feature="device",problem="unknown"} 1');
    expect(text).toContain(`watchnext_active_version_info{ranker="shelf",version="${versions.good}"} 1`);
    expect(text).toContain('watchnext_ready 1');
  });
});

describe('starting', () => {
  test('on a taken port names it, and leaves nothing running', async () => {
    const port = Number(new URL(server.url).port);
    await expect(start('other', { port })).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [{ message: `port ${port} is taken on 127.0.0.1` }],
    });
  });

  test('without a models folder is refused, and says which one it looked for', async () => {
    const models = join(folder, 'not-there');
    await expect(start('other', { models })).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [
        { path: 'models', message: `${models} does not exist`, hint: expect.stringContaining('watchnext train') },
      ],
    });
  });

  test('with a store that cannot be opened says so, and ends by itself', async () => {
    const store = join(folder, 'no-folder');
    await writeFile(store, 'a file');
    const given = { models: settings.models, store, log: 'off', port: '0', device: 'cpu' };
    const script = `
      const { startServer } = await import('./src/server.js');
      const { readSettings } = await import('./src/settings.js');
      await startServer(readSettings({}, ${JSON.stringify(given)})).catch(({ code, problems }) =>
        console.log(code, problems[0].path));`;
    const loader = ['--import', './test/typescript/register.js', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, loader, { timeout: 30_000 });
    expect(stdout).toBe('settings_invalid store\n');
  });

  test('without a version is alive and not ready, and becomes ready when one is activated', async () => {
    const models = join(folder, 'new');
    await mkdir(models);
    const early = await start('early', { models });
    expect((await fetch(`${early.url}/healthz`)).status).toBe(200);
    const readiness = await fetch(`${early.url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toContain(`there is no ranker in ${models} yet (\`watchnext train\` fills it`);
    const options = { method: 'POST', body: JSON.stringify(request), headers: json };
    expect((await fetch(`${early.url}/v1/rank`, options)).status).toBe(503);
    await openArtifacts(models).activate('shelf', await sealShelf(models));
    await until(async () => (await fetch(`${early.url}/readyz`)).status === 200);
    expect((await fetch(`${early.url}/v1/rank`, options)).status).toBe(200);
    await early.close();
  });
});

describe('a process that gets SIGTERM', () => {
  test('answers what is in flight and ends by itself', async () => {
    const logDirectory = join(folder, 'process-log');
    const given = { models: settings.models, store: join(folder, 'process'), logDirectory, port: '0', device: 'cpu' };
    const script = `
      const { startServer } = await import('./src/server.js');
      const { readSettings } = await import('./src/settings.js');
      const server = await startServer(readSettings({}, ${JSON.stringify(given)}));
      console.log(server.url);`;
    const loader = ['--import', './test/typescript/register.js', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, loader, { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise<unknown>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = line.toString().trim();
    const options = { method: 'POST', body: JSON.stringify(request), headers: json };
    const inFlight = Array.from({ length: 4 }, () => fetch(`${url}/v1/rank`, options));
    expect((await Promise.race(inFlight)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    for (const outcome of await Promise.allSettled(inFlight))
      if (outcome.status === 'fulfilled') expect(outcome.value.status).toBe(200);
  });
});

describe('draining', () => {
  test('answers what was accepted, then takes no more', async () => {
    const other = await start('draining');
    const send = (): Promise<Response> =>
      fetch(`${other.url}/v1/rank`, { method: 'POST', body: JSON.stringify(request), headers: json });
    await send();
    const inFlight = Array.from({ length: 8 }, send);
    await Promise.race(inFlight);
    await other.close();
    for (const outcome of await Promise.allSettled(inFlight))
      if (outcome.status === 'fulfilled') expect(outcome.value.status).toBe(200);
    await expect(send()).rejects.toThrow();
  });

  test('stays open and not ready for the delay, and cuts at the deadline who never finishes asking', async () => {
    const other = await start('slow', { drainDelayMs: 3000, drainTimeoutMs: 300 });
    const { hostname, port } = new URL(other.url);
    const half = connect(Number(port), hostname);
    half.on('error', () => undefined);
    const cut = once(half, 'close');
    half.write('POST /v1/rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{');
    const closed = other.close();
    const ready = await fetch(`${other.url}/readyz`);
    expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close']);
    await Promise.all([closed, cut]);
  });
});
