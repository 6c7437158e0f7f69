import type { RequestListener } from 'node:http';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { compose, type Service } from './compose.js';
import { WatchnextError } from './errors.js';
import { answerWhileLoading, createMessageClasses } from './http/index.js';
import { openListener, type Server } from './listener.js';
import { redactSettings, type Settings } from './settings.js';
import { createLogger, type Logger } from './telemetry/index.js';
import { softwareVersion } from './version.js';

export interface RunningServer {
  readonly url: string;
  /** Drains: not ready, answers what is in flight, closes connections, threads and the store. */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly logger?: Logger;
  /** Whether SIGTERM and SIGINT drain it; yes if left out. */
  readonly signals?: boolean;
}

/**
 * Listens, then reads the models; until they serve, it is alive and not ready. Resolves when every active version serves or
 * was refused. Rejects with a WatchnextError for people if it cannot start, the cheapest checks first: no models folder, a
 * port that is taken, a device that is not there.
 */
export const startServer = async (settings: Settings, options: ServerOptions = {}): Promise<RunningServer> => {
  const logger = options.logger ?? createLogger({ level: settings.logLevel });
  logger.info({ settings: redactSettings(settings) }, 'starting');
  await requireFolder(settings.models);
  let answer: RequestListener = answerWhileLoading;
  const onRequest: RequestListener = (request, response) => answer(request, response);
  const messages = createMessageClasses();
  const { server, url } = await openListener(settings, { onRequest, messages, logger });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= starting.then((service) => drain({ server, service, settings, logger })));
  // From here on, not when all is read: the first process of a container has no default that would end it.
  if (options.signals !== false) drainOnSignals(close, logger);
  logger.info({ url }, 'listening');
  const starting = compose({ settings, logger, messages, version: softwareVersion() });
  const service = await starting.catch((error: unknown) => {
    server.close();
    server.closeAllConnections();
    throw error;
  });
  answer = service.app;
  logger.info({ url }, 'answers requests');
  return { url, close };
};

/** An empty folder may be filled later; one that is not there is most likely not the one that was meant. */
const requireFolder = async (models: string): Promise<void> => {
  const found = await stat(models).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  const path = resolve(models);
  const message = found === undefined ? `${path} does not exist` : `${path} is not a folder`;
  throw new WatchnextError('settings_invalid', `There are no models to serve: ${message}.`, {
    problems: [
      { path: 'models', message, hint: 'train a ranker first (watchnext train), or name its folder with --models' },
    ],
  });
};

interface Draining {
  readonly server: Server;
  readonly service: Service;
  readonly settings: Settings;
  readonly logger: Logger;
}

/**
 * Order matters: load balancers must see "not ready" before connections go away, and a connection that was busy when the
 * server closed would be kept open for the whole keep-alive time, so idle ones are closed again and again.
 */
const drain = async ({ server, service, settings, logger }: Draining): Promise<void> => {
  logger.info({}, 'draining');
  service.drain();
  await new Promise((resolve) => setTimeout(resolve, settings.drainDelayMs));
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const deadline = setTimeout(() => {
    logger.warn({}, 'connections are still open at the deadline and are cut');
    server.closeAllConnections();
  }, settings.drainTimeoutMs);
  await closed;
  clearInterval(idle);
  clearTimeout(deadline);
  await service.close();
  logger.info({}, 'stopped');
};

/** The first signal drains; the process then ends by itself. A second one ends it at once. */
const drainOnSignals = (close: () => Promise<void>, logger: Logger): void => {
  let signalled = false;
  const onSignal = (): void => {
    // Not process.exit: it aborts with a core dump if a thread is inside ONNX Runtime.
    if (signalled) process.kill(process.pid, 'SIGKILL');
    signalled = true;
    close().catch((error: unknown) => {
      logger.error({ err: error }, 'draining failed');
      process.exitCode = 1;
    });
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
};
