import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';

/** A topic’s folder, opened: what LMDB calls an environment, and its three databases. */
export interface Environment {
  readonly root: RootDatabase<Uint8Array, string>;
  readonly records: Database<Uint8Array, number>;
  readonly segments: Database<Uint8Array, number>;
  readonly about: Database<string, string>;
  readonly news: News;
}

/** Tells who reads a topic that this thread appended to it, through whichever log. */
export class News {
  readonly #waiting = new Set<() => void>();
  /** How often it was told. */
  count = 0;

  tell(): void {
    this.count++;
    for (const wake of this.#waiting) wake();
  }

  /** Calls when there is news, or after so long; answers how to have it called at once. */
  wait(milliseconds: number, call: () => void): () => void {
    const wake = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(wake);
      call();
    };
    const timer = setTimeout(wake, milliseconds);
    this.#waiting.add(wake);
    return wake;
  }
}

interface Opened {
  readonly environment: Environment;
  users: number;
}

const opened = new Map<string, Opened>();

/**
 * One environment per folder and process, however often it is asked for: of two, one that takes the lock of writers on this
 * thread waits for ever for the other, whose transaction waits for a callback on this thread.
 */
export const openEnvironment = (path: string): Environment => {
  mkdirSync(path, { recursive: true });
  const folder = realpathSync(path);
  const known = opened.get(folder) ?? { environment: environmentAt(folder), users: 0 };
  opened.set(folder, known);
  known.users++;
  return known.environment;
};

/** With its last user it is closed, after `before`; one who asks for it meanwhile keeps it open. */
export const closeEnvironment = async (environment: Environment, before: () => Promise<void>): Promise<void> => {
  const found = [...opened].find(([, known]) => known.environment === environment);
  if (found === undefined) return;
  const [folder, known] = found;
  if (--known.users > 0) return;
  await before();
  if (known.users > 0 || opened.get(folder) !== known) return;
  opened.delete(folder);
  await environment.root.close();
};

const environmentAt = (path: string): Environment => {
  checkFile(join(path, 'data.mdb'));
  // Batches of event turns would add a promise of their own, whose rejection nobody can handle.
  const options = { encoding: 'binary', noSubdir: false, maxDbs: 4, eventTurnBatching: false } as const;
  const root = open<Uint8Array, string>({ path, ...options });
  try {
    return {
      root,
      records: root.openDB({ name: 'records', encoding: 'binary' }),
      segments: root.openDB({ name: 'segments', encoding: 'binary' }),
      about: root.openDB({ name: 'about', encoding: 'string' }),
      news: new News(),
    };
  } catch (error) {
    void root.close();
    throw error;
  }
};

/** Where the meta pages of LMDB, of which the later one counts, say these things. */
const meta = { magic: 24, pageBytes: 48, lastPage: 144, transaction: 152, bytes: 160 } as const;
const metaMagic = 0xbeefc0de;
/** Pages at the end that were made and freed by one transaction are never written. */
const mostUnwrittenPages = 64;

/**
 * Opening a file of another kind would end the process, and so would reading pages that a file which was cut short does not
 * have. Damage within the file shows when what is damaged is read.
 */
const checkFile = (file: string): void => {
  if (!existsSync(file)) return;
  const descriptor = openSync(file, 'r');
  try {
    const first = readAt(descriptor, 0);
    if (first.length === 0) return;
    if (!isMeta(first)) throw new Error(`MDB_INVALID: ${file} is no LMDB file`);
    const pageBytes = first.readUInt32LE(meta.pageBytes);
    const second = readAt(descriptor, pageBytes);
    const newest = isMeta(second) && transactionOf(second) > transactionOf(first) ? second : first;
    const needed = (Number(newest.readBigUInt64LE(meta.lastPage)) + 1) * pageBytes;
    // After the meta pages: who writes lengthens the file before they say so.
    const { size } = fstatSync(descriptor);
    if (size < needed - mostUnwrittenPages * pageBytes)
      throw new Error(`MDB_CORRUPTED: ${file} is cut short: it has ${size} of ${needed} bytes`);
  } finally {
    closeSync(descriptor);
  }
};

const readAt = (descriptor: number, position: number): Buffer => {
  const bytes = Buffer.alloc(meta.bytes);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, meta.bytes, position));
};

const isMeta = (page: Buffer): boolean => page.length === meta.bytes && page.readUInt32LE(meta.magic) === metaMagic;
const transactionOf = (page: Buffer): bigint => page.readBigUInt64LE(meta.transaction);
