import { expect, test } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { exactVersion, kafkaVersions, missingPrograms } from '../../cli/kafka/index.js';

const run = promisify(execFile);
const command = ['--import', './test/typescript/register.js', 'cli/kafka.ts'];

test('a line of Kafka means its pinned version, anything else itself', () => {
  expect(['4', '4.x', '3.9', '3.9.x', '4.0.1'].map(exactVersion)).toEqual([
    kafkaVersions['4'],
    kafkaVersions['4'],
    kafkaVersions['3.9'],
    kafkaVersions['3.9'],
    '4.0.1',
  ]);
});

test('without Java and Maven the command says what is missing and what to do', async () => {
  const failed = await run(process.execPath, command, { env: { PATH: '/nowhere' } }).catch((error: unknown) => error);
  const { code, stderr } = failed as { code: number; stderr: string };
  expect(code).toBe(2);
  expect(stderr).toContain('java: was not found');
  expect(stderr).toContain('mvn: was not found');
  expect(stderr).toContain('install Apache Maven');
});

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const isStarted = (await missingPrograms()).length === 0 ? test : test.skip;

isStarted.each(['SIGINT', 'SIGKILL'] as const)(
  'the command prints where its broker listens, and takes the broker with it when it ends by %s',
  async (signal) => {
    const child = spawn(process.execPath, [...command, '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    child.stdout.on('data', (text: Buffer) => (said.out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (said.err += text.toString()));
    while (!said.err.includes('Ctrl-C') && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(said.out).toMatch(/^127\.0\.0\.1:\d+\n$/);
    const java = Number(/process (\d+)/.exec(said.err)?.[1]);
    expect(lives(java)).toBe(true);
    child.kill(signal);
    await once(child, 'close');
    for (let i = 0; i < 200 && lives(java); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lives(java)).toBe(false);
  },
  240_000,
);
