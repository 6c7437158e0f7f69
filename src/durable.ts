import { randomBytes } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Writes a new file, part after part, and its folders, and waits until the disk has it. */
export const writeDurably = (path: string, ...parts: readonly (Uint8Array | string)[]): Promise<void> =>
  writeAllDurably(path, parts);

/** The same of parts that are made one at a time, each when the one before is written. */
export async function writeAllDurably(path: string, parts: Iterable<Uint8Array | string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the entries of a folder durable: a file that is synced can still lose its name in a crash. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Replaces a file as a whole: readers see the old or the new contents, also after a crash. */
export async function replaceDurably(path: string, contents: string | Uint8Array): Promise<void> {
  const draft = join(dirname(path), temporaryName(basename(path)));
  await writeDurably(draft, contents);
  await rename(draft, path);
  await syncFolder(dirname(path));
}

/** For `catch`: what is not there is answered with something else, other errors are thrown on. */
export const ifMissing =
  <T>(otherwise: T) =>
  (error: unknown): T => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  };

const prefix = '.writing-';

/** Readers pass over names that begin with a dot; what a killed writer leaves behind is recognised by this prefix. */
export const temporaryName = (purpose: string): string => `${prefix}${purpose}-${randomBytes(6).toString('hex')}`;
export const isTemporaryName = (name: string): boolean => name.startsWith(prefix);
