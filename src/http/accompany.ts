import type { RequestHandler, Response } from 'express';
import { WatchnextError } from '../errors.js';
import { Timeline, type Logger, type Metrics, type Tracer } from '../telemetry/index.js';
import { createAccessLog, type AccessLogSettings } from './access-log.js';
import { headersOver, requestIdFor } from './headers.js';

/** What a request is known by while it is answered. */
export const requestIdOf = (response: Response): string => String(response.locals.requestId);
/** The route’s pattern, never the path that was sent: labels must stay few. */
export const routeOf = (response: Response): string => (response.locals.route as string | undefined) ?? 'unknown';
export const setRoute = (response: Response, path: string): void => void (response.locals.route = path);
/** The name of its key; undefined where none was needed. */
const keyOf = (response: Response): string | undefined => response.locals.key as string | undefined;
export const setKey = (response: Response, name: string | undefined): void => void (response.locals.key = name);

/** What it spends its time on. */
export const timelineOf = (response: Response): Timeline | undefined =>
  response.locals.timeline as Timeline | undefined;

/** Their times are apart: a histogram is a dozen series. */
const timedRoutes: ReadonlySet<string> = new Set(['/v1/rank', '/v1/feedback', '/v1/items', '/v1/users']);

/** Of a head that Node’s own limit (16 KiB) lets through. */
const longestUrl = 2048;
const mostHeaders = 100;
/** Requests of one connection that are being answered: who sends the next before the answer (pipelining) sends a few. */
const mostPipelined = 64;

/** Request id, measurement, and headers that every answer has; refuses heads that no client of ours needs. */
export const accompany = (options: {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly readiness: { readonly draining: boolean };
  readonly settings: AccessLogSettings;
  /** Nothing is traced without. */
  readonly tracer?: Tracer;
}): RequestHandler => {
  const { metrics, readiness, logger, settings, tracer } = options;
  const logAccess = createAccessLog(logger, settings);
  return (request, response, next) => {
    if (!countAnswers(request.socket, response)) {
      logger.debug({}, 'a connection was cut: it sends more and more requests and does not take the answers');
      request.socket.destroy();
      return;
    }
    const { method } = request;
    const timeline = new Timeline(tracer?.begin({ method, traceparent: request.headers['traceparent'] }));
    response.locals.timeline = timeline;
    const requestId = requestIdFor(request.headers);
    response.locals.requestId = requestId;
    response.setHeader('X-Request-Id', requestId);
    const safe = headersOver(request.socket);
    for (const name in safe) response.setHeader(name, safe[name] ?? '');
    if (readiness.draining) response.setHeader('Connection', 'close');
    // Of a client that does not read its answer: while it is being made, a silent connection is no reason to end it.
    response.on('timeout', () => {
      if (response.writableEnded) request.socket.destroy();
    });
    // After 'finish', if the answer was sent; alone, if the client left before.
    response.once('close', () => {
      const route = routeOf(response);
      const status = response.writableFinished ? response.statusCode : 0;
      const milliseconds = performance.now() - timeline.started;
      const key = keyOf(response);
      if (status > 0) {
        metrics.count('watchnext_http_requests_total', { route, status: String(status) });
        const timed = timedRoutes.has(route) ? route : 'other';
        metrics.observe('watchnext_http_request_seconds', { route: timed }, milliseconds / 1000);
      }
      const facts = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status };
      timeline.end({ 'request.id': requestId, ...facts, ...(key !== undefined && { key }) }, status >= 500);
      logAccess({ requestId, method, route, status, milliseconds, key, timeline });
    });
    if (request.url.length > longestUrl) throw headTooLarge(`a URL of more than ${longestUrl} characters`);
    if (request.rawHeaders.length > 2 * mostHeaders) throw headTooLarge(`more than ${mostHeaders} headers`);
    if (request.headers.host === undefined && request.httpVersion === '1.1')
      throw new WatchnextError('request_invalid', 'The header Host is missing.', {
        problems: [{ path: 'Host', message: 'is missing' }],
      });
    next();
  };
};

const answering = new WeakMap<object, number>();

/** Whether a connection may have one more request answered; Node itself reads on as long as there is input. */
const countAnswers = (socket: object, response: Response): boolean => {
  const count = (answering.get(socket) ?? 0) + 1;
  if (count > mostPipelined) return false;
  answering.set(socket, count);
  response.once('close', () => answering.set(socket, (answering.get(socket) ?? 1) - 1));
  return true;
};

const headTooLarge = (what: string): WatchnextError =>
  new WatchnextError('head_too_large', `The request has ${what}.`, {
    problems: [{ path: 'url', message: `has ${what}` }],
  });
