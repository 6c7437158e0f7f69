import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { WatchnextError, type Problem } from '../errors.js';
import { pollEvery } from '../polling.js';
import type { Logger } from '../telemetry/index.js';

/** Where certificates are, as files of PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Of the authorities that clients’ certificates must come from; none are asked for if left out. */
  readonly clientCa?: string;
}

export interface TlsOptions {
  readonly files: TlsFiles;
  readonly logger: Logger;
  readonly pollMs?: number;
}

export interface Tls {
  /** For an https server. */
  readonly options: SecureContextOptions & { readonly requestCert: boolean; readonly rejectUnauthorized: boolean };
  /** Renews the server’s certificate whenever the files change: connections that are open go on with the old one. */
  follow(server: { setSecureContext(options: SecureContextOptions): void }): void;
  close(): Promise<void>;
}

/** Throws `settings_invalid` for files that are missing, no PEM, or do not fit each other. */
export const openTls = async ({ files, logger, pollMs = 10_000 }: TlsOptions): Promise<Tls> => {
  const first = await readContext(files);
  let applied = first;
  let server: Parameters<Tls['follow']>[0] | undefined;
  let told = '';

  const refresh = async (signal: AbortSignal): Promise<void> => {
    const context = await readContext(files);
    told = '';
    if (signal.aborted || same(context, applied)) return;
    server?.setSecureContext(context);
    applied = context;
    logger.info({ cert: files.cert }, 'the certificate was renewed');
  };
  const polling = pollEvery(pollMs, refresh, (error) => {
    const { problems = [] } = error as Partial<WatchnextError>;
    // Two files are replaced one after the other: for a moment they may not fit.
    if (told !== JSON.stringify(problems))
      logger.error({ problems }, 'the certificate cannot be renewed: the one before goes on');
    told = JSON.stringify(problems);
  });
  return {
    options: { ...first, requestCert: first.ca !== undefined, rejectUnauthorized: first.ca !== undefined },
    follow: (to) => void (server = to),
    close: () => polling.close(),
  };
};

interface Context extends SecureContextOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly minVersion: 'TLSv1.2';
}

const readContext = async ({ cert, key, clientCa }: TlsFiles): Promise<Context> => {
  const problems: Problem[] = [];
  const read = async (setting: string, file: string): Promise<string> => {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException;
      problems.push({
        path: setting,
        message: `${resolve(file)}: ${code === 'ENOENT' ? 'there is no such file' : code}`,
      });
      return '-----BEGIN';
    });
    if (!text.includes('-----BEGIN'))
      problems.push({
        path: setting,
        message: `${resolve(file)}: is no PEM`,
        hint: 'it begins with -----BEGIN …-----',
      });
    return text;
  };
  const context: Context = {
    cert: await read('tlsCert', cert),
    key: await read('tlsKey', key),
    ...(clientCa !== undefined && { ca: await read('tlsClientCa', clientCa) }),
    minVersion: 'TLSv1.2',
  };
  if (problems.length === 0)
    try {
      createSecureContext(context);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const message = /KEY_VALUES_MISMATCH/.test(code)
        ? 'the key is not the one of the certificate'
        : `cannot be used (${code || 'no certificate and key in them'})`;
      problems.push({
        path: 'tlsKey',
        message,
        hint: 'the key is not encrypted and belongs to the first certificate of tlsCert',
      });
    }
  if (problems.length > 0) throw new WatchnextError('settings_invalid', 'TLS cannot be set up.', { problems });
  return context;
};

const same = (a: Context, b: Context): boolean => a.cert === b.cert && a.key === b.key && a.ca === b.ca;
