import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../cli/free-port.js';
import { sealInto } from '../faults/sealed.js';
import { simulatedLog } from '../fit/world.js';
import { environmentOf, lastOf } from './dockerfile.js';
import { buildImage } from './image.js';
import { until, type Waited } from '../until.js';

let folder: string;
let app: string;
let port: number;
const running = new Set<ChildProcess>();

/** Of the image; its folders /data and /models are in ours, and the port is a free one. */
const environment = (): Record<string, string> => {
  const image = Object.entries(environmentOf('service')).map(([name, value]) => [
    name,
    /^\/(data|models)/.test(value) ? join(folder, value) : value,
  ]);
  const path = process.env['PATH'] ?? '';
  return { ...(Object.fromEntries(image) as Record<string, string>), PATH: path, WATCHNEXT_PORT: String(port) };
};

/** Words of the image as they are here: `node` is this Node, /app is what was built. */
const here = (words: readonly string[]): [string, string[]] => {
  const [node, ...rest] = words.map((word) => word.replace('/app', app));
  if (node !== 'node') throw new Error(`the image starts ${node}`);
  return [process.execPath, rest];
};

/** As the image’s user, where this process may become another. */
const user = (): { uid?: number; gid?: number } => {
  const [uid = NaN, gid = NaN] = lastOf('service', 'USER')!.text.split(':').map(Number);
  return process.getuid?.() === 0 ? { uid, gid } : {};
};

const run = (words: readonly string[]) => {
  const [node, args] = here(words);
  const options = { cwd: app, env: environment(), encoding: 'utf8', timeout: 15_000, ...user() } as const;
  return spawnSync(node, args, options);
};

/** The container’s main process. */
const start = () => {
  const [node, args] = here([...lastOf('service', 'ENTRYPOINT')!.words, ...lastOf('service', 'CMD')!.words]);
  const child = spawn(node, args, { cwd: app, env: environment(), stdio: ['ignore', 'ignore', 'pipe'], ...user() });
  running.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return { child, ended, said: () => said };
};

const waited = (child: ChildProcess, output: () => string): Waited => ({
  get hasEnded() {
    return child.exitCode !== null || child.signalCode !== null;
  },
  output,
});

const get = async (path: string): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2000) });
  await answer.arrayBuffer();
  return answer.status;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-image-'));
  port = await freePort();
  app = buildImage('service', folder);
  await mkdir(join(folder, 'data'));
  await sealInto(join(folder, 'models'), simulatedLog({ requests: 30 }));
  // The user may write to /data and nowhere else.
  const { uid, gid } = user();
  if (uid !== undefined && gid !== undefined) await chown(join(folder, 'data'), uid, gid);
  await chmod(folder, 0o755);
}, 240_000);

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

describe('the image of the service, its steps done in a folder', () => {
  test('has the packages of the service for one platform, and no others', () => {
    const packages = readdirSync(join(app, 'node_modules'));
    expect(packages).toEqual(expect.arrayContaining(['express', 'lmdb', 'onnxruntime-node', 'kafkajs']));
    for (const left of ['@tensorflow', '@duckdb', '@stdlib', 'echarts', 'protobufjs', 'typescript', 'jest', '@swc'])
      expect(packages).not.toContain(left);
    const runtime = join(app, 'node_modules/onnxruntime-node/bin/napi-v6');
    const platforms = readdirSync(runtime).flatMap((system) =>
      readdirSync(join(runtime, system)).map((architecture) => `${system}/${architecture}`),
    );
    expect(platforms).toEqual([`linux/${process.arch}`]);
    expect(existsSync(join(app, 'dist/training'))).toBe(false);
  });

  test('leaves out exactly the packages that nothing of the service imports', () => {
    const sources = ['src', 'cli'].flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFileSync(join(root, file), 'utf8')),
    );
    const imported = new Set(
      sources
        .flatMap((text) => [...text.matchAll(/(?:from|import\(|import) ?'(@?[^.'/][^'/]*(?:\/[^'/]+)?)/g)])
        .map(([, name]) => (name!.startsWith('@') ? name! : name!.split('/')[0]!)),
    );
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
    const [, left = ''] = /TRAINING_PACKAGES="([^"]*)"/.exec(readFileSync('Dockerfile', 'utf8')) ?? [];
    expect(left.split(/[\s\\]+/).sort()).toEqual(
      Object.keys(dependencies)
        .filter((name) => !imported.has(name))
        .sort(),
    );
  });

  test('says of commands that it does not have where they are', () => {
    const entry = lastOf('service', 'ENTRYPOINT')!.words;
    const help = run([...entry, '--help']);
    expect(help.stdout).toMatch(/^ {2}serve /m);
    expect(help.stdout).not.toMatch(/^ {2}(train|learn) /m);
    const train = run([...entry, 'train', 'models/films/ranker.yaml', '--data', '/logs']);
    expect(train.stderr).toContain('--target learner');
    expect(train.status).toBe(2);
  });

  test('ends when it is told to before it is ready, as the first process of a container must', async () => {
    const { child, ended, said } = start();
    await until(() => said().includes('listening'), { of: waited(child, said) });
    child.kill(lastOf('service', 'STOPSIGNAL')!.text as NodeJS.Signals);
    expect([await ended, said()]).toEqual([0, expect.stringContaining('stopped')]);
  });

  test('starts, is healthy, ranks, and ends without cutting anybody off', async () => {
    const { child, ended, said } = start();
    const ready = async (): Promise<boolean> => (await get('/readyz').catch(() => 0)) === 200;
    await until(ready, { of: waited(child, said) });
    const check = lastOf('service', 'HEALTHCHECK')!.words;
    expect(run(check)).toMatchObject({ status: 0, stdout: 'ready\n' });
    expect(await get('/healthz')).toBe(200);

    const answer = await fetch(`http://127.0.0.1:${port}/v1/rank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: { id: 1 }, candidates: [{ id: 1, length: 11 }, { id: 2 }] }),
      signal: AbortSignal.timeout(5000),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ ranker: 'small', items: [{ score: expect.any(Number) }, {}] });

    child.kill(lastOf('service', 'STOPSIGNAL')!.text as NodeJS.Signals);
    expect(await ended).toBe(0);
    expect(readdirSync(join(folder, 'data')).sort()).toEqual(['log', 'store']);
    expect(run(check)).toMatchObject({ status: 1 });
  });
});
