import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is gone when this process is, however it was told to end. */
export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

const options = { recursive: true, force: true } as const;

export const temporaryFolder = async (prefix: string): Promise<TemporaryFolder> => {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const removeAtOnce = (): void => rmSync(path, options);
  process.once('exit', removeAtOnce);
  return {
    path,
    remove: async () => {
      process.off('exit', removeAtOnce);
      await rm(path, options);
    },
  };
};

/** Signals end the process through its exit, so that services and folders go with it. */
export const endOnSignals = (): void => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
};
