import { closeSync, existsSync, mkdirSync, openSync, readSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';

/** A topic’s folder, opened: what LMDB calls an environment, and its three databases. */
export interface Environment {
  readonly root: RootDatabase<Uint8Array, string>;
  readonly records: Database<Uint8Array, number>;
  readonly segments: Database<Uint8Array, number>;
  readonly about: Database<string, string>;
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
  checkMagic(join(path, 'data.mdb'));
  // Batches of event turns would add a promise of their own, whose rejection nobody can handle.
  const options = { encoding: 'binary', noSubdir: false, maxDbs: 4, eventTurnBatching: false } as const;
  const root = open<Uint8Array, string>({ path, ...options });
  return {
    root,
    records: root.openDB({ name: 'records', encoding: 'binary' }),
    segments: root.openDB({ name: 'segments', encoding: 'binary' }),
    about: root.openDB({ name: 'about', encoding: 'string' }),
  };
};

/** LMDB's first page says after its header what it is. Opening a file that does not would end the process. */
const checkMagic = (file: string): void => {
  if (!existsSync(file)) return;
  const start = Buffer.alloc(28);
  const descriptor = openSync(file, 'r');
  const read = readSync(descriptor, start);
  closeSync(descriptor);
  if (read > 0 && start.readUInt32LE(24) !== 0xbeefc0de) throw new Error(`MDB_INVALID: ${file} is no LMDB file`);
};
