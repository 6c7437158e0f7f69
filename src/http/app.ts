import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { WatchnextError } from '../errors.js';
import type { Experiments } from '../experiments/index.js';
import type { Rankers } from '../inference/index.js';
import type { Entities, Rank } from '../ranking/index.js';
import type { TakeFeedback } from '../recording/index.js';
import type { Settings } from '../settings.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { aboutRoutes } from './about.js';
import { createAdminGuard } from './admin.js';
import { clockRoute, type SaidClock } from './clock.js';
import { entityRoutes } from './entities.js';
import { errorReply, toWatchnextError } from './errors.js';
import { experimentsRoute } from './experiments.js';
import { modelRoutes } from './models.js';
import { operationRoutes, type Readiness } from './operations.js';
import { feedbackRoute } from './feedback.js';
import { rankRoute } from './rank.js';
import { linesType, type Reply, type Route } from './route.js';

export interface AppDependencies {
  readonly rank: Rank;
  readonly feedback: TakeFeedback;
  readonly entities: Entities;
  readonly rankers: Rankers;
  readonly experiments: Experiments;
  /** Where requests say the time; the wall clock rules without. */
  readonly clock?: SaidClock;
  readonly readiness: Readiness & { /** Answers then end their connections. */ readonly draining: boolean };
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly settings: Pick<Settings, 'adminKey' | 'host' | 'maxCandidates' | 'bodyLimitBytes'>;
  /** Of this software. */
  readonly version: string;
}

/** The HTTP application: every answer is JSON with a request id; it never listens by itself. */
export const createApp = (dependencies: AppDependencies): RequestListener => {
  const { rank, feedback, entities, rankers, experiments, readiness, metrics, settings, version } = dependencies;
  const routes = [
    rankRoute(rank, settings.maxCandidates, dependencies.clock),
    feedbackRoute(feedback),
    clockRoute(dependencies.clock),
    ...entityRoutes(entities, rankers),
    ...modelRoutes(rankers),
    experimentsRoute(experiments),
    ...operationRoutes(readiness, metrics),
  ];
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('strict routing', false);
  app.use(accompany(dependencies));
  addRoutes(app, [...routes, ...aboutRoutes(routes, version)], settings);
  app.use((request) => {
    throw new WatchnextError('route_unknown', `There is no ${request.method} ${request.path.slice(0, 200)}.`, {
      problems: [{ path: 'url', message: 'is not a route', hint: 'GET / lists the routes' }],
    });
  });
  app.use(refuse(dependencies));
  return app;
};

/** Request id, measurement, and headers that every answer has. */
const accompany =
  ({ metrics, readiness, logger }: AppDependencies): RequestHandler =>
  (request, response, next) => {
    const started = performance.now();
    const sent = request.headers['x-request-id'];
    const requestId = typeof sent === 'string' && /^[\w.-]{1,128}$/.test(sent) ? sent : randomUUID();
    setRequestId(response, requestId);
    response.setHeader('X-Request-Id', requestId);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    if (readiness.draining) response.setHeader('Connection', 'close');
    response.once('finish', () => {
      const route = routeOf(response);
      const milliseconds = performance.now() - started;
      metrics.count('watchnext_http_requests_total', { route, status: String(response.statusCode) });
      metrics.observe('watchnext_http_request_seconds', { route }, milliseconds / 1000);
      logger.debug({ requestId, route, status: response.statusCode, milliseconds }, 'answered');
    });
    next();
  };

const addRoutes = (app: Express, routes: readonly Route[], settings: AppDependencies['settings']): void => {
  const guard = createAdminGuard({ adminKey: settings.adminKey, host: settings.host });
  const parse = express.json({ limit: settings.bodyLimitBytes });
  const parseLines = express.text({ limit: settings.bodyLimitBytes, type: linesType });
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    const registered = app.route(path);
    registered.all((_, response, next) => {
      setRoute(response, path);
      next();
    });
    for (const route of here) {
      if (route.admin === true)
        registered[route.method]((request, _, next) => {
          guard(request.headers);
          next();
        });
      if (route.body !== undefined) registered[route.method](parse);
      if (route.lines === true) registered[route.method](parseLines);
      registered[route.method](serve(route));
    }
    registered.all((request) => {
      const allowed = here.map(({ method }) => method.toUpperCase());
      throw new MethodNotAllowed(request.method, allowed);
    });
  }
};

class MethodNotAllowed extends WatchnextError {
  readonly allowed: string;
  constructor(method: string, allowed: readonly string[]) {
    const list = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed;
    super('method_not_allowed', `This route does not answer ${method}.`, {
      problems: [{ path: 'method', message: `${method} is not allowed`, hint: `use ${list.join(' or ')}` }],
    });
    this.allowed = list.join(', ');
  }
}

const serve =
  (route: Route): RequestHandler =>
  async (request, response) => {
    const body: unknown = request.body;
    if (route.body !== undefined && body === undefined) throw missingBody(route, request.headers['content-type']);
    const bytes = Number(request.headers['content-length'] ?? Infinity);
    const parameters = request.params as Record<string, string>;
    send(response, await route.handle({ requestId: requestIdOf(response), parameters, body }, bytes));
  };

const missingBody = ({ lines = false }: Route, type: string | undefined): WatchnextError =>
  type === undefined || /^application\/json\b/i.test(type)
    ? new WatchnextError('request_invalid', 'The body is missing.', {
        problems: [{ path: '/', message: 'is empty', hint: 'send JSON with Content-Type: application/json' }],
      })
    : new WatchnextError('media_type_unsupported', 'Only JSON is understood.', {
        problems: [
          {
            path: 'Content-Type',
            message: `${type.slice(0, 100)} is not supported`,
            hint: lines ? `application/json or ${linesType}` : 'application/json',
          },
        ],
      });

const send = (response: Response, reply: Reply): void => {
  if ('json' in reply) {
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(reply.json));
    return;
  }
  response.setHeaders(new Map(Object.entries({ ...reply.headers, 'Content-Type': reply.type })));
  response.end(reply.text);
};

const refuse =
  ({ logger }: AppDependencies): ErrorRequestHandler =>
  (thrown: unknown, _request, response, next) => {
    const error = toWatchnextError(thrown);
    const requestId = requestIdOf(response);
    if (error.status >= 500 && error.code !== 'not_ready')
      logger.error({ requestId, route: routeOf(response), err: thrown }, 'a request failed');
    if (response.headersSent) {
      next(thrown);
      return;
    }
    response.status(error.status);
    if (error instanceof MethodNotAllowed) response.setHeader('Allow', error.allowed);
    if (error.retryAfterMs !== undefined)
      response.setHeader('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
    if (error.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer');
    send(response, { json: errorReply(error, requestId) });
  };

const setRequestId = (response: Response, id: string): void => void (response.locals.requestId = id);
const requestIdOf = (response: Response): string => String(response.locals.requestId);
const setRoute = (response: Response, path: string): void => void (response.locals.route = path);
/** The route’s pattern, never the path that was sent: labels must stay few. */
const routeOf = (response: Response): string => (response.locals.route as string | undefined) ?? 'unknown';
