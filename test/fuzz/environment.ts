import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirements = join('test', 'fuzz', 'requirements.txt');
const environment = join('.cache', 'schemathesis');
const installTimeoutMs = 120_000;

export type Schemathesis = { readonly command: string } | { readonly reason: string };

/**
 * The command of schemathesis: in a virtual environment under .cache/, made when it is first needed and made again when the
 * requirements are others. Where that cannot be, the reason.
 */
export const schemathesis = async (): Promise<Schemathesis> => {
  const command = join(environment, 'bin', 'schemathesis');
  const installed = join(environment, 'installed.txt');
  const wanted = await readFile(requirements, 'utf8');
  if (existsSync(command) && (await readFile(installed, 'utf8').catch(() => '')) === wanted) return { command };
  try {
    await run('python3', ['-m', 'venv', '--clear', environment]);
  } catch {
    return { reason: 'python3 -m venv does not work here' };
  }
  try {
    const pip = ['-m', 'pip', 'install', '-q', '--retries', '1', '--timeout', '10', '-r', requirements];
    await run(join(environment, 'bin', 'python'), pip, { timeout: installTimeoutMs });
    await run(command, ['--version']);
  } catch (error) {
    const said = (error as { readonly stderr?: string }).stderr?.trim().split('\n').at(-1) ?? '';
    return { reason: `pip cannot install schemathesis: ${said.slice(0, 200)}` };
  }
  await writeFile(installed, wanted);
  return { command };
};
