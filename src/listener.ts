import { createServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import { refuseGarbage, type MessageClasses } from './http/index.js';
import { listen, urlOf } from './listen.js';
import { openTls, type Tls } from './security/index.js';
import type { Settings } from './settings.js';
import type { Logger } from './telemetry/index.js';

export type Server = HttpServer | HttpsServer;

export interface Listener {
  readonly server: Server;
  readonly url: string;
}

/** URL and headers together. */
const mostHeadBytes = 16 * 1024;

/**
 * Listens, with TLS where a certificate is set. Connections are bounded, and so is everything that a client may take its time
 * with: its head, its body, reading the answer, being silent. Rejects with `settings_invalid` for a port that is taken and for
 * certificates that cannot be used.
 */
export const openListener = async (
  settings: Settings,
  about: { readonly onRequest: RequestListener; readonly messages: MessageClasses; readonly logger: Logger },
): Promise<Listener> => {
  const { onRequest, messages, logger } = about;
  const tls = await tlsOf(settings, logger);
  const options = {
    ...messages,
    keepAliveTimeout: settings.keepAliveMs,
    headersTimeout: settings.requestTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: mostHeadBytes,
    // The application says so itself, as it says everything.
    requireHostHeader: false,
  };
  const server =
    tls === undefined ? createServer(options, onRequest) : createTlsServer({ ...options, ...tls.options }, onRequest);
  // The application counts them: here, those beyond a limit would be dropped in silence.
  server.maxHeadersCount = 0;
  server.maxConnections = settings.maxConnections;
  // A silent connection whose answer is sent and not read; answers in the making say that they are (accompany.ts).
  server.timeout = settings.requestTimeoutMs;
  server.on('clientError', refuseGarbage);
  // Nothing is promised to who expects more than to be told to go on.
  server.on('checkExpectation', onRequest);
  server.once('close', () => void tls?.close());
  tls?.follow(server as HttpsServer);
  try {
    const { host, port } = settings;
    const hints = {
      taken: 'stop the other process, or choose another port (0 picks a free one)',
      other: 'check host and port',
    };
    const onRefused = (err: Error): void => logger.error({ err }, 'a connection could not be accepted');
    await listen(server, { host, port, setting: 'port', failure: 'Cannot listen', hints, onRefused });
  } catch (error) {
    await tls?.close();
    throw error;
  }
  return { server, url: urlOf(server, tls === undefined ? 'http' : 'https') };
};

const tlsOf = async (
  { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa }: Settings,
  logger: Logger,
): Promise<Tls | undefined> =>
  cert === undefined || key === undefined
    ? undefined
    : openTls({ files: { cert, key, ...(clientCa !== undefined && { clientCa }) }, logger });
