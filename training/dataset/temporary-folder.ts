import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lives, thisProcess } from '../../src/events/index.js';

/** A folder that is gone when it is removed, when the process ends, or, if that was killed, when the next one is made. */
export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => void;
}

const { pid, start, realm } = thisProcess;
const realmHash = createHash('sha256').update(realm).digest('hex').slice(0, 8);
const prefix = 'watchnext-data-';
/** Its process is in its name: so there is no moment at which nobody can tell whose it is. */
const named = new RegExp(`^${prefix}(\\d+)-(\\d*)-${realmHash}-[^-]+$`);

export const makeTemporaryFolder = async (within = tmpdir()): Promise<TemporaryFolder> => {
  await removeLeftovers(within);
  const path = await mkdtemp(join(within, `${prefix}${pid}-${start}-${realmHash}-`));
  const removeNow = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeNow);
  return {
    path,
    remove: () => {
      process.off('exit', removeNow);
      removeNow();
    },
  };
};

/**
 * Removes what processes of this user left that were killed. Those of another container, which may live, and of other users
 * stay, and so does what cannot be removed.
 */
const removeLeftovers = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const [, ofPid, ofStart = ''] = named.exec(name) ?? [];
    if (ofPid === undefined || lives({ pid: Number(ofPid), start: ofStart, realm })) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true && found.uid === (process.getuid?.() ?? found.uid))
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
};
