import { InvalidArgumentError } from 'commander';
import type { GuardedServer } from './guarded.js';
import { note } from './output.js';

/** The value of `--port`. */
export const portNumber = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('must be a port, 0 to 65535.');
  return port;
};

/** Resolves when the server is gone: stopped by Ctrl-C or SIGTERM, or by itself, which is a failure of the command. */
export const keepServer = async (server: GuardedServer, what: string): Promise<void> => {
  let stopping: Promise<void> | undefined;
  const stop = (): void => void (stopping ??= server.stop());
  process.on('SIGINT', stop).on('SIGTERM', stop);
  await server.ended();
  if (stopping === undefined) {
    note(`the ${what} ended by itself`);
    process.exitCode = 1;
  }
  await (stopping ?? server.stop());
};
