import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

/** Where numbers come from: they mean little without it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted to run during the last minute, before anything was started here. */
  readonly loadBefore: number;
}

export const machineFacts = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()} ${arch()}`,
  node: process.versions.node,
  loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
});

export const machineText = ({ cpu, cores, memoryGb, system, node }: Machine): string =>
  `${cores} cores of ${cpu}, ${memoryGb} GB, ${system}, Node ${node}`;

/** `1a2b3c4`, with a `+` if files differ from it; `unknown` outside of a git checkout. */
export const commitOf = (root: string): string => {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+' : '');
  } catch {
    return 'unknown';
  }
};
