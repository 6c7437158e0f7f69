import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const cache = resolve('.cache/promtool');
const cached = join(cache, 'usr/bin/promtool');

const run = (command: string, args: readonly string[], cwd: string): boolean =>
  spawnSync(command, args, { cwd, timeout: 45_000, stdio: 'ignore' }).status === 0;

/**
 * Prometheus’ own checker: of the PATH, or from Debian’s package `prometheus`, unpacked into .cache/promtool the first time.
 * Undefined where it cannot be had. Nothing is installed, and apt’s own lists stay as they are.
 */
export const findPromtool = (): string | undefined => {
  if (spawnSync('promtool', ['--version'], { timeout: 10_000 }).status === 0) return 'promtool';
  if (existsSync(cached)) return cached;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, '.fetch-'));
  try {
    const lists = join(work, 'lists');
    mkdirSync(join(lists, 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${work}`];
    const download = (options: readonly string[]): boolean =>
      run('apt-get', ['--quiet', ...options, 'download', 'prometheus'], work);
    if (!download([]) && !(run('apt-get', ['--quiet', ...own, 'update'], work) && download(own))) return undefined;
    const file = readdirSync(work).find((name) => name.endsWith('.deb'));
    if (file === undefined || !run('dpkg', ['-x', file, 'files'], work)) return undefined;
    mkdirSync(join(cache, 'usr/bin'), { recursive: true });
    renameSync(join(work, 'files/usr/bin/promtool'), cached);
    return cached;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};
