/** What a person can do where a file or folder cannot be written or read, by the system’s code of the failure. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'free space on its disk',
  EDQUOT: 'free space in its quota',
  EROFS: 'mount it for writing',
  EACCES: 'give this user the right to write there',
  EPERM: 'give this user the right to write there',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder: name a file',
};

/** Undefined for failures that nobody outside of the program can do anything about. */
export const remedyOf = (code: string | undefined): string | undefined =>
  code === undefined ? undefined : remedies[code];
