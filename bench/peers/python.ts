import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atExit } from '../../cli/ending.js';

const run = promisify(execFile);
const installTimeoutMs = 900_000;

export type Python = { readonly python: string } | { readonly reason: string };

/** What a group of peers needs, as pip takes it: `name` or `name==version`. */
export interface Requirements {
  /** Of the folder under .cache/peers. */
  readonly name: string;
  readonly packages: readonly string[];
}

export const torchPeers: Requirements = { name: 'torch', packages: ['torch', 'numpy', 'pandas'] };

/** What somebody who serves an ONNX model from Python today would install; the runtime has the version that this service has. */
export const servingPeers: Requirements = {
  name: 'serving',
  packages: [
    ...['onnxruntime==1.30.0', 'numpy==2.4.6', 'fastapi==0.165.0', 'pydantic==2.14.3'],
    ...['orjson==3.13.0', 'uvicorn==0.54.0', 'uvloop==0.23.0', 'httptools==0.9.0'],
  ],
};

/**
 * A Python that has these packages: the one that PEERS_PYTHON names, else a virtual environment under .cache/ that is made
 * when it is first needed. Where that cannot be, the reason.
 */
export const pythonWith = async ({ name, packages }: Requirements): Promise<Python> => {
  const environment = join('.cache', 'peers', name);
  const given = process.env['PEERS_PYTHON'];
  const python = given ?? join(environment, 'bin', 'python');
  const isThere = (): Promise<boolean> =>
    run(python, ['-c', checkScript, ...packages]).then(
      () => true,
      () => false,
    );
  if (await isThere()) return { python };
  if (given !== undefined) return { reason: `PEERS_PYTHON (${given}) lacks one of ${packages.join(', ')}` };
  try {
    if (!existsSync(python)) await run('python3', ['-m', 'venv', environment]);
  } catch {
    return { reason: 'python3 -m venv does not work here' };
  }
  try {
    await run(python, ['-m', 'pip', 'install', '-q', '--retries', '1', ...packages], { timeout: installTimeoutMs });
    if (await isThere()) return { python };
  } catch {
    // Told below.
  }
  return { reason: `pip cannot install ${packages.join(', ')}` };
};

const checkScript = `
import sys
from importlib.metadata import version
for package in sys.argv[1:]:
    name, _, wanted = package.partition("==")
    if wanted not in ("", version(name)): sys.exit(f"{name} is {version(name)}")
`;

/** Flags of a script, by name; a list becomes several values. */
export type PeerOptions = Readonly<Record<string, string | number | readonly number[]>>;

/** Runs a script of this folder, which ends with this process; its one line of JSON. */
export const runPeer = async (python: string, script: string, options: PeerOptions): Promise<unknown> => {
  const running = run(python, [join('bench', 'peers', script), ...flagsOf(options)]);
  const release = atExit(() => running.child.kill('SIGKILL'));
  try {
    return JSON.parse((await running).stdout);
  } finally {
    release();
  }
};

export const flagsOf = (options: PeerOptions): string[] =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, ...[value].flat().map(String)]);
