import type { AddressInfo, Server } from 'node:net';
import { WatchnextError } from './errors.js';

export interface ListenOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** Which setting the port is. */
  readonly setting: string;
  /** What failed, at the start of the message. */
  readonly failure: string;
  /** What to do where the port is taken, and else. */
  readonly hints: { readonly taken: string; readonly other: string };
  /** Told of connections that cannot be accepted later, for want of memory, say; the server listens on. */
  readonly onRefused: (cause: Error) => void;
}

/** Rejects with `settings_invalid` where the server cannot listen there. */
export const listen = (server: Server, options: ListenOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const { host, port, setting, failure, hints, onRefused } = options;
    const fail = (cause: NodeJS.ErrnoException): void => {
      const isTaken = cause.code === 'EADDRINUSE';
      const message = isTaken ? `port ${port} is taken on ${host}` : cause.message;
      const problems = [{ path: setting, message, hint: isTaken ? hints.taken : hints.other }];
      reject(new WatchnextError('settings_invalid', `${failure}: ${message}.`, { problems, cause }));
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail).on('error', onRefused);
      resolve();
    });
  });

/** Of a server that listens. */
export const urlOf = (server: Server, scheme: 'http' | 'https'): string => {
  const { address, family, port } = server.address() as AddressInfo;
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
};
