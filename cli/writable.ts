import { access, constants, mkdir, mkdtemp, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { WatchnextError } from '../src/errors.js';
import { remedyOf } from '../src/remedies.js';

/**
 * Refuses, before long work, a folder that could not be written or made when the work is done. It leaves nothing behind, of a
 * path that was mistyped neither.
 */
export const requireWritable = async (folder: string, flag: string): Promise<void> => {
  const standing = await nearestThere(resolve(folder));
  const refuse = (code: string | undefined, message: string): never => {
    const remedy = remedyOf(code);
    const hint = `${remedy === undefined ? '' : `${remedy}, or `}name another folder with ${flag}`;
    throw new WatchnextError('settings_invalid', `${standing.path} cannot be written.`, {
      problems: [{ path: standing.path, message, hint }],
    });
  };
  if (!standing.isFolder) refuse(undefined, 'is a file, not a folder');
  try {
    // Rights do not tell: /proc grants root all of them and takes no folder, and there Node's recursive mkdir never ends.
    await rmdir(await mkdtemp(join(standing.path, '.watchnext-')));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    refuse(code, code === 'ENOENT' ? 'takes no new folders' : message);
  }
};

/** The same of a file that is written, or replaced, when the work is done, with what `writeOut` does then. */
export const requireWritableFile = async (file: string, flag: string): Promise<void> => {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return requireWritable(dirname(file), flag);
  const refuse = (message: string, hint: string): never => {
    throw new WatchnextError('settings_invalid', `${file} cannot be written.`, {
      problems: [{ path: flag, message, hint }],
    });
  };
  if (found.isDirectory()) refuse(`${file} is a folder`, 'name a file in it');
  await access(file, constants.W_OK).catch((error: unknown) =>
    refuse((error as Error).message, 'make it writable, or name another'),
  );
};

/** Writes a file, and makes the folders that it is in. */
export const writeOut = async (file: string, contents: string | Uint8Array): Promise<void> => {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, contents);
};

/** The path, or the closest one above it that exists. */
const nearestThere = async (path: string): Promise<{ readonly path: string; readonly isFolder: boolean }> => {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && dirname(path) !== path) return nearestThere(dirname(path));
  return { path, isFolder: found?.isDirectory() ?? false };
};
