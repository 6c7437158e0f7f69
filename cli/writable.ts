import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { WatchnextError } from '../src/errors.js';
import { remedyOf } from '../src/remedies.js';

/**
 * Refuses, before long work, a folder that could not be written or made when the work is done. It makes nothing: a path
 * that was mistyped leaves no folder behind.
 */
export const requireWritable = async (folder: string, flag: string): Promise<void> => {
  const standing = await nearestThere(resolve(folder));
  const refuse = (code: string | undefined, message: string): never => {
    const hint = `${remedyOf(code) ?? 'make it writable'}, or name another folder with ${flag}`;
    throw new WatchnextError('settings_invalid', `${standing.path} cannot be written.`, {
      problems: [{ path: standing.path, message, hint }],
    });
  };
  if (!standing.isFolder) refuse(undefined, 'is a file, not a folder');
  try {
    await access(standing.path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    refuse(code, message);
  }
};

/** The path, or the closest one above it that exists. */
const nearestThere = async (path: string): Promise<{ readonly path: string; readonly isFolder: boolean }> => {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && dirname(path) !== path) return nearestThere(dirname(path));
  return { path, isFolder: found?.isDirectory() ?? false };
};
