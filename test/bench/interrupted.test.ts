import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { until } from '../until.js';

/** Answers every request, as a server that Python starts would, from a child of its own. */
const standIn = `#!/bin/sh
while [ "$1" != --port ]; do shift; done
'${process.execPath}' -e 'require("http").createServer((q, a) => a.end()).listen(+process.argv[1], "127.0.0.1")' "$2" &
wait
`;
const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(20_000) }).then(
    () => true,
    () => false,
  );

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)(
  'a benchmark that is told to end by %s leaves no peer and no folder behind',
  async (signal, code) => {
    const own = await mkdtemp(join(tmpdir(), 'watchnext-bench-ending-'));
    const python = join(own, 'python');
    await writeFile(python, standIn, { mode: 0o755 });
    const node = ['--import', './test/typescript/register.js', '--disable-warning=ExperimentalWarning'];
    const child = spawn(process.execPath, [...node, 'test/bench/interrupted.ts', python], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const told = {
      output: () => output,
      get hasEnded() {
        return child.exitCode !== null;
      },
    };
    try {
      await until(() => output.includes('\n'), { timeoutMs: 90_000, of: told });
      const { folder, url } = JSON.parse(output) as { folder: string; url: string };
      expect([await answers(url), existsSync(folder)]).toEqual([true, true]);
      child.kill(signal);
      expect(await ended).toBe(code);
      await until(async () => !(await answers(url)));
      expect(existsSync(folder)).toBe(false);
    } finally {
      child.kill('SIGKILL');
      await rm(own, { recursive: true });
    }
  },
  240_000,
);
