import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { WatchnextError } from '../../src/errors.js';
import { clearStale } from '../../src/exclusive.js';
import { isThisProcess, lives, thisProcess, type Holder } from '../../src/events/index.js';

/** A lock of another machine or container is believed while it was touched this lately. */
const staleMs = 60_000;
const touchMs = 10_000;

interface Owner extends Holder {
  readonly host: string;
}

/** What became of asking for a lock: it is held until it is given back, or somebody else holds it. */
export type Claim = { readonly release: () => Promise<void> } | { readonly holder: Owner };

/** Takes a lock file, or throws learning_stopped naming who holds it. Answers what gives it back. */
export async function takeLock(path: string, what: string): Promise<() => Promise<void>> {
  const claim = await claimLock(path);
  if ('holder' in claim) throw taken(path, what, claim.holder);
  return claim.release;
}

/**
 * Takes a lock file, or says who holds it. A process that was killed holds nothing any more: here that is seen at once, on
 * another machine after a minute.
 */
export async function claimLock(path: string): Promise<Claim> {
  const owner: Owner = { ...thisProcess, host: hostname() };
  await mkdir(dirname(path), { recursive: true });
  while (!(await created(path, owner))) {
    const holder = await holderOf(path);
    if (holder !== undefined && (await holds(holder, path))) return { holder };
    await clearStale(path, isStale);
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, touchMs);
  touching.unref();
  const release = async (): Promise<void> => {
    clearInterval(touching);
    const holder = await holderOf(path);
    if (holder !== undefined && isThisProcess(holder)) await rm(path, { force: true });
  };
  return { release };
}

/** The file appears with its contents, or not at all: nobody can find it empty and take it for nobody's. */
async function created(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  await writeFile(draft, JSON.stringify(owner));
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Undefined for a file that says nothing that can be read: nobody's. */
async function holderOf(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

async function holds(holder: Owner, path: string): Promise<boolean> {
  if (holder.realm === thisProcess.realm) return lives(holder);
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < staleMs;
}

async function isStale(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  return holder === undefined || !(await holds(holder, path));
}

const taken = (path: string, what: string, { pid, host }: Owner): WatchnextError =>
  new WatchnextError('learning_stopped', `${what} is learned already, by process ${pid} on ${host}.`, {
    problems: [
      { path, message: `is held by process ${pid} on ${host}`, hint: 'stop that one first: a ranker has one learner' },
    ],
  });
