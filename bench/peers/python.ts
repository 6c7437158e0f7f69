import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const environment = join('.cache', 'peers');
/** PyTorch without CUDA first: a tenth of the download. */
const indexes = [['--index-url', 'https://download.pytorch.org/whl/cpu'], []];
const installTimeoutMs = 900_000;

export type Python = { readonly python: string } | { readonly reason: string };

/**
 * A Python with PyTorch: the one that PEERS_PYTHON names, else a virtual environment under .cache/ that is made when it is
 * first needed. Where that cannot be, the reason.
 */
export const pythonWithTorch = async (): Promise<Python> => {
  const given = process.env['PEERS_PYTHON'];
  const python = given ?? join(environment, 'bin', 'python');
  const hasTorch = (): Promise<boolean> =>
    run(python, ['-c', 'import torch']).then(
      () => true,
      () => false,
    );
  if (await hasTorch()) return { python };
  if (given !== undefined) return { reason: `PEERS_PYTHON (${given}) cannot import torch` };
  try {
    if (!existsSync(python)) await run('python3', ['-m', 'venv', environment]);
  } catch {
    return { reason: 'python3 -m venv does not work here' };
  }
  for (const index of indexes) {
    try {
      await run(python, ['-m', 'pip', 'install', '-q', '--retries', '1', 'torch', 'numpy', ...index], {
        timeout: installTimeoutMs,
      });
      if (await hasTorch()) return { python };
    } catch {
      // The next index may be reachable.
    }
  }
  return { reason: 'pip cannot reach torch' };
};

/** Runs a script of this folder; its one line of JSON. */
export const runPeer = async (python: string, script: string, options: Record<string, number>): Promise<unknown> => {
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout } = await run(python, [join('bench', 'peers', script), ...flags]);
  return JSON.parse(stdout);
};
