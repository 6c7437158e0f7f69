import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { redisUnderTest } from './redis-server.js';

const run = promisify(execFile);
const command = ['--import', resolve('test/typescript/register.js'), resolve('cli/redis.ts')];

test('without a server, and without Maven to fetch one, the command says what is missing and what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-no-redis-'));
  const failed = await run(process.execPath, command, { env: { PATH: '/nowhere' }, cwd: folder }).catch(
    (error: unknown) => error,
  );
  const { code, stderr } = failed as { code: number; stderr: string };
  expect(code).toBe(2);
  expect(stderr).toContain('redis-server: was not found on PATH');
  expect(stderr).toContain('mvn: was not found');
  expect(stderr).toContain('put redis-server on PATH, or install Apache Maven');
  expect(await readdir(join(folder, '.cache', 'redis'))).toEqual([]);
  await rm(folder, { recursive: true });
}, 30_000);

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const found = await redisUnderTest();
await found?.stop();
const isStarted = found === undefined ? test.skip : test;

isStarted.each(['SIGINT', 'SIGKILL'] as const)(
  'the command prints the URL of its server, and takes the server with it when it ends by %s',
  async (signal) => {
    const child = spawn(process.execPath, [...command, '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    child.stdout.on('data', (text: Buffer) => (said.out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (said.err += text.toString()));
    try {
      for (let i = 0; i < 600 && !said.err.includes('Ctrl-C') && child.exitCode === null; i++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(said.out).toMatch(/^redis:\/\/127\.0\.0\.1:\d+\n$/);
      const server = Number(/process (\d+)/.exec(said.err)?.[1]);
      expect(lives(server)).toBe(true);
      child.kill(signal);
      await once(child, 'close');
      for (let i = 0; i < 200 && lives(server); i++) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(lives(server)).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  },
  60_000,
);
