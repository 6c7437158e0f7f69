import { createServer } from 'node:http';
import { listen, urlOf } from '../listen.js';
import type { Metrics } from './metrics.js';

export interface MetricsEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

export interface MetricsEndpointOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  readonly metrics: Pick<Metrics, 'scrape' | 'contentType'>;
  /** Why it does not work, in words for people; undefined while it does. */
  readonly problem?: () => string | undefined;
}

/**
 * Answers GET /metrics, and GET /healthz (or /health) with 200 or, while there is a problem, 503. Never keeps the process
 * alive by itself. Rejects with settings_invalid where the port cannot be had.
 */
export const serveMetrics = async (options: MetricsEndpointOptions): Promise<MetricsEndpoint> => {
  const { host, port, metrics, problem } = options;
  const answer = async (path: string | undefined): Promise<[status: number, type: string, text: string]> => {
    if (path === '/metrics') return [200, metrics.contentType, await metrics.scrape()];
    const json = 'application/json; charset=utf-8';
    if (path !== '/healthz' && path !== '/health')
      return [404, json, '{"error":"only /metrics and /healthz are here"}'];
    const reason = problem?.();
    return reason === undefined
      ? [200, json, '{"status":"ok"}']
      : [503, json, JSON.stringify({ status: 'failing', reason })];
  };
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 30_000 },
    (request, response) => {
      const allowed = request.method === 'GET' || request.method === 'HEAD';
      const path = allowed ? request.url?.split('?')[0] : undefined;
      answer(path).then(
        ([status, type, text]) => response.writeHead(status, { 'Content-Type': type }).end(text),
        () => response.writeHead(500).end(),
      );
    },
  );
  const hint = 'choose another port (0 picks a free one) or address';
  const hints = { taken: hint, other: hint };
  // Whoever scrapes comes again.
  const onRefused = (): void => undefined;
  await listen(server, { host, port, setting: 'metricsPort', failure: 'Metrics cannot be served', hints, onRefused });
  server.unref();
  return {
    url: urlOf(server, 'http'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
