import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const environment = join('.cache', 'peers');
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
    run(python, ['-c', 'import torch, pandas']).then(
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
  try {
    await run(python, ['-m', 'pip', 'install', '-q', '--retries', '1', 'torch', 'numpy', 'pandas'], {
      timeout: installTimeoutMs,
    });
    if (await hasTorch()) return { python };
  } catch {
    // Told below.
  }
  return { reason: 'pip cannot reach torch' };
};

/** Flags of a script, by name; a list becomes several values. */
export type PeerOptions = Readonly<Record<string, string | number | readonly number[]>>;

/** Runs a script of this folder; its one line of JSON. */
export const runPeer = async (python: string, script: string, options: PeerOptions): Promise<unknown> => {
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, ...[value].flat().map(String)]);
  const { stdout } = await run(python, [join('bench', 'peers', script), ...flags]);
  return JSON.parse(stdout);
};
