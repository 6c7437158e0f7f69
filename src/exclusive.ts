import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ifMissing } from './durable.js';

/** Work that holds a lock takes milliseconds: a lock of this age was left behind by a process that was killed. */
const staleMs = 10_000;
const retryMs = 20;

/**
 * Does short work (well under ten seconds) while nobody else does any under the same path, in this process or another of this
 * machine: a file `<path>.lock` says so. Waits for its turn, and rejects with the reason if that cannot be had.
 */
export async function exclusively<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const token = randomBytes(12).toString('hex');
  await mkdir(dirname(lock), { recursive: true });
  while (!(await taken(lock, token))) {
    if (await isStale(lock)) await clearStale(lock, isStale);
    else await sleep(retryMs + Math.random() * retryMs);
  }
  try {
    return await work();
  } finally {
    if ((await readFile(lock, 'utf8').catch(ifMissing(''))) === token) await rm(lock, { force: true });
  }
}

const taken = async (lock: string, token: string): Promise<boolean> => {
  try {
    await writeFile(lock, token, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

const isStale = async (lock: string): Promise<boolean> => {
  const { mtimeMs } = await stat(lock).catch(ifMissing({ mtimeMs: Infinity }));
  return Date.now() - mtimeMs > staleMs;
};

/**
 * Removes a lock that was found stale, so that it can be taken. It is moved away before: where somebody else cleared and took
 * it meanwhile, which `isStale` tells of the file at a path, it is put back.
 */
export const clearStale = async (lock: string, isStale: (path: string) => Promise<boolean>): Promise<void> => {
  const aside = `${lock}.${randomBytes(6).toString('hex')}.stale`;
  await rename(lock, aside).catch(ifMissing(undefined));
  if (!(await isStale(aside))) await link(aside, lock).catch(() => undefined);
  await rm(aside, { force: true });
};
