import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { printError } from './output.js';

/** A folder that is gone when this process is, however it was told to end. */
export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/** Whoever writes there is being killed meanwhile. */
const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;

/** Does this as the process ends, unless what is answered is called before. */
export const atExit = (work: () => void): (() => void) => {
  process.once('exit', work);
  return () => void process.off('exit', work);
};

export const temporaryFolder = async (prefix: string): Promise<TemporaryFolder> => {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const keep = atExit(() => rmSync(path, options));
  return {
    path,
    remove: async () => {
      keep();
      await rm(path, options);
    },
  };
};

/** Works in a folder that is gone afterwards. */
export const inTemporaryFolder = async <T>(prefix: string, work: (path: string) => Promise<T>): Promise<T> => {
  const { path, remove } = await temporaryFolder(prefix);
  try {
    return await work(path);
  } finally {
    await remove();
  }
};

/** Signals end the process through its exit, so that services and folders go with it. */
const endOnSignals = (): void => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
};

/**
 * Parses the command line of a program that measures and does what it says; signals end it with all that it started. Ends with 2
 * for a line that cannot be understood, or as an error asks for.
 */
export const runProgram = async (program: Command): Promise<void> => {
  endOnSignals();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = printError(error, { json: process.argv.includes('--json') });
  }
};
