import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WatchnextError } from '../../src/errors.js';

const run = promisify(execFile);

/** Another commit, built. */
export interface BuiltCheckout {
  readonly folder: string;
  readonly commit: string;
}

/**
 * The commit that `name` means, checked out as a git worktree of its own under `.cache/load-compare` and built there; as it is
 * if it was built before. It has this checkout's packages where the lock file is the same, else its own.
 */
export const buildCheckout = async (
  root: string,
  { name, say }: { readonly name: string; readonly say: (what: string) => void },
): Promise<BuiltCheckout> => {
  const git = async (...args: string[]): Promise<string> => (await run('git', args, { cwd: root })).stdout.trim();
  const commit = await git('rev-parse', '--verify', '--quiet', `${name}^{commit}`).catch((cause: unknown) => {
    throw new WatchnextError('usage', `There is no commit ${name}.`, {
      problems: [{ path: 'base', message: name, hint: 'name a branch, a tag or a commit of this repository' }],
      cause,
    });
  });
  const folder = join(root, '.cache', 'load-compare', commit.slice(0, 12));
  if (existsSync(join(folder, builtMark))) return { folder, commit };
  await mkdir(join(root, '.cache', 'load-compare'), { recursive: true });
  if (!existsSync(join(folder, 'package.json'))) {
    say(`checking out ${commit.slice(0, 12)}`);
    // A folder that was deleted by hand is still known to git.
    await git('worktree', 'prune');
    await git('worktree', 'add', '--detach', '--force', folder, commit);
  }
  if (!existsSync(join(folder, 'node_modules'))) {
    const lock = (of: string): string => readFileSync(join(of, 'package-lock.json'), 'utf8');
    if (lock(root) === lock(folder)) await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    else {
      say(`${commit.slice(0, 12)}: npm ci`);
      await run('npm', ['ci', '--no-progress'], { cwd: folder, maxBuffer: 64 << 20 });
    }
  }
  say(`${commit.slice(0, 12)}: npm run build`);
  await run('npm', ['run', '--silent', 'build'], { cwd: folder, maxBuffer: 64 << 20 });
  return { folder, commit };
};

/** What the incremental build writes last. */
const builtMark = join('dist', '.tsbuildinfo');
