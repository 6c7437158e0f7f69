import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { damagedFile } from './manifest.js';

/** Opens at once, also what is a pipe, and never what a link points to. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface RegularFile {
  /** For messages. */
  readonly name: string;
  /** The size it must have. */
  readonly bytes?: number;
  readonly maxBytes: number;
}

/**
 * A file, whole: no link, no folder, no pipe, no device, and no larger than it may be; told before any of it is read. Throws
 * `artifact_damaged`; an error of the file system, such as ENOENT, as it is.
 */
export async function readRegular(path: string, { name, bytes, maxBytes }: RegularFile): Promise<Buffer> {
  const file = await open(path, flags).catch((cause: unknown) => {
    throw (cause as NodeJS.ErrnoException).code === 'ELOOP' ? damagedFile(name, 'it is a link') : cause;
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw damagedFile(name, 'it is no file');
    const { size } = stats;
    if (bytes !== undefined && size !== bytes) throw damagedFile(name, `it holds ${size} bytes, not ${bytes}`);
    if (size > maxBytes) throw damagedFile(name, `it holds ${size} bytes, more than ${maxBytes}`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
