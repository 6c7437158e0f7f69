import type { IncomingMessage, RequestListener } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { WatchnextError } from '../errors.js';
import type { Experiments } from '../experiments/index.js';
import { NotRun, type Rankers } from '../inference/index.js';
import type { Entities, Rank } from '../ranking/index.js';
import type { TakeFeedback } from '../recording/index.js';
import { RateLimited, type Access } from '../security/index.js';
import type { Settings } from '../settings.js';
import type { Logger, Metrics, Tracer } from '../telemetry/index.js';
import { aboutRoutes } from './about.js';
import type { AccessLogSettings } from './access-log.js';
import { accompany, requestIdOf, routeOf, setKey, setRoute, timelineOf } from './accompany.js';
import { readBody } from './body.js';
import { clockRoute, type SaidClock } from './clock.js';
import { entityRoutes } from './entities.js';
import { errorReply, toWatchnextError } from './errors.js';
import { experimentsRoute } from './experiments.js';
import { jsonAnswer, retryAfterOf } from './headers.js';
import { adoptMessages, type MessageClasses } from './messages.js';
import { modelRoutes } from './models.js';
import { operationRoutes, type Readiness } from './operations.js';
import { feedbackRoute } from './feedback.js';
import { rankRoute } from './rank.js';
import type { Reply, Route } from './route.js';
import { createTurns, type Turns } from './turns.js';
import { openVisit, refusingEarly } from './visit.js';

export interface AppDependencies {
  readonly rank: Rank;
  readonly feedback: TakeFeedback;
  readonly entities: Entities;
  readonly rankers: Rankers;
  readonly experiments: Experiments;
  /** Where requests say the time; the wall clock rules without. */
  readonly clock?: SaidClock;
  readonly readiness: Readiness & { /** Answers then end their connections. */ readonly draining: boolean };
  /** Who may do what. */
  readonly access: Access;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly settings: Pick<
    Settings,
    'maxCandidates' | 'bodyLimitBytes' | 'metricsKey' | 'workers' | 'deadlineMs' | 'queueMs' | 'overload'
  > &
    AccessLogSettings;
  /** Nothing is traced without. */
  readonly tracer?: Tracer;
  /** Of the server that it is for, which serves no other application. */
  readonly messages: MessageClasses;
  /** Of this software. */
  readonly version: string;
}

/** The HTTP application: every answer is JSON with a request id; it never listens by itself. */
export const createApp = (dependencies: AppDependencies): RequestListener => {
  const { rank, feedback, entities, rankers, experiments, readiness, access, metrics, settings, version } =
    dependencies;
  const routes = [
    rankRoute(rank, settings.maxCandidates, dependencies.clock),
    feedbackRoute(feedback),
    clockRoute(dependencies.clock),
    ...entityRoutes(entities, rankers),
    ...modelRoutes(rankers),
    experimentsRoute(experiments),
    ...operationRoutes(readiness, metrics, settings),
  ];
  const turns = createTurns({ ...settings, metrics });
  const app = express();
  adoptMessages(app, dependencies.messages);
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('strict routing', false);
  app.use(accompany(dependencies));
  addRoutes(app, [...routes, ...aboutRoutes(routes, { version, isOpen: (need) => access.isOpen(need) })], {
    ...dependencies,
    turns,
  });
  app.use((request) => {
    throw new WatchnextError('route_unknown', `There is no ${request.method} ${request.path.slice(0, 200)}.`, {
      problems: [{ path: 'url', message: 'is not a route', hint: 'GET / lists the routes' }],
    });
  });
  app.use(refuse(dependencies));
  return refusingEarly(app, { ...dependencies, turns });
};

type Serving = AppDependencies & { readonly turns: Turns };

const addRoutes = (app: Express, routes: readonly Route[], dependencies: Serving): void => {
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    const registered = app.route(path);
    registered.all((_, response, next) => {
      setRoute(response, path);
      next();
    });
    for (const route of here) registered[route.method](serve(route, dependencies));
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

/** Who may not is told so before anything of the body is read. */
const serve =
  (route: Route, { access, settings, logger, turns }: Serving): RequestHandler =>
  async (request, response) => {
    const requestId = requestIdOf(response);
    const admitted = route.role === undefined ? undefined : access.admit(request.headers, route.role);
    if (admitted !== undefined) {
      response.once('close', () => admitted.leave());
      setKey(response, admitted.key);
      response.setHeaders(new Map(Object.entries(admitted.headers())));
    }
    const visit =
      route.takesTurns === true ? openVisit(request, response, { turns, deadlineMs: settings.deadlineMs }) : undefined;
    const limits = { limitBytes: settings.bodyLimitBytes, lines: route.lines === true };
    const options = visit === undefined ? limits : { whole: visit.wait, ...limits };
    const timeline = timelineOf(response);
    const reading = performance.now();
    const body = route.body === undefined ? undefined : await readBody(request, options);
    if (route.body !== undefined) timeline?.span('body', reading);
    if (route.candidates !== undefined) admitted?.spend(route.candidates(body));
    const bytes = Number(request.headers['content-length'] ?? Infinity);
    const parameters = request.params as Record<string, string>;
    if (route.role === 'admin')
      logger.info({ requestId, route: route.path, parameters, key: admitted?.key ?? 'none' }, 'administration');
    const call = { requestId, parameters, body, ...(visit && { visit }), ...(timeline && { timeline }) };
    const reply = await route.handle(call, bytes);
    const answering = performance.now();
    send(response, reply);
    timeline?.span('serialise', answering);
  };

const send = (response: Response, reply: Reply): void => {
  if ('json' in reply) {
    response.setHeader('Content-Type', jsonAnswer);
    response.end(JSON.stringify(reply.json));
    return;
  }
  response.setHeaders(new Map(Object.entries({ ...reply.headers, 'Content-Type': reply.type })));
  response.end(reply.text);
};

/** What load and starting bring about is counted, not logged request by request. */
const expected: readonly string[] = ['not_ready', 'overloaded'];

const refuse =
  ({ logger }: AppDependencies): ErrorRequestHandler =>
  (thrown: unknown, request, response, next) => {
    if (thrown instanceof NotRun) return; // nobody is there any more
    const error = toWatchnextError(thrown);
    const requestId = requestIdOf(response);
    if (error.status >= 500 && !expected.includes(error.code))
      logger.error(
        { requestId, traceId: timelineOf(response)?.traceId, route: routeOf(response), err: thrown },
        'a request failed',
      );
    if (response.headersSent) {
      next(thrown);
      return;
    }
    response.status(error.status);
    if (error instanceof MethodNotAllowed) response.setHeader('Allow', error.allowed);
    if (error instanceof RateLimited) response.setHeaders(new Map(Object.entries(error.headers)));
    if (error.retryAfterMs !== undefined) response.setHeader('Retry-After', retryAfterOf(error));
    if (error.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer');
    if (endsSoon(request)) send(response, { json: errorReply(error, requestId) });
    else sendAndHangUp(request, response, JSON.stringify(errorReply(error, requestId)));
  };

/** So much of a refused body is read and dropped, to keep the connection. */
const droppedBytes = 64 * 1024;
/** So long a client that still sends is listened to: a connection that is closed before is reset, and its answer lost. */
const hangUpMs = 500;

const endsSoon = ({ complete, headers }: IncomingMessage): boolean =>
  complete || (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= droppedBytes);

const sendAndHangUp = (request: IncomingMessage, response: Response, text: string): void => {
  response.setHeader('Connection', 'close');
  response.setHeader('Content-Type', jsonAnswer);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.write(text);
  const end = (): void => void response.end();
  setTimeout(end, hangUpMs).unref();
  request.once('end', end).once('close', end).resume();
};
