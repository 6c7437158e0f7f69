import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { WatchnextError } from '../errors.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { createRefusalLog, type AccessLogSettings } from './access-log.js';
import { errorReply } from './errors.js';
import { headersOver, jsonAnswer, requestIdFor, retryAfterOf } from './headers.js';
import type { Turn, Turns } from './turns.js';

export const longestDeadlineMs = 60_000;

/** A ranking on its way through the service. */
export interface Visit {
  /** As performance.now() says it. */
  readonly deadline: number;
  /** Aborts when the connection closes before the answer. */
  readonly signal: AbortSignal;
  /** Whether only the fallback order may be answered; known once its turn has come. */
  readonly overloaded: boolean;
  /** Resolves when its turn has come; its body is this long. Rejects as {@link Turns.take} does. */
  readonly wait: (bytes: number) => Promise<void>;
}

/** From its arrival to the end of its answer. Throws `request_invalid` for a deadline that is none. */
export const openVisit = (
  request: IncomingMessage,
  response: ServerResponse,
  { turns, deadlineMs }: { readonly turns: Turns; readonly deadlineMs: number },
): Visit => {
  const deadline = performance.now() + (deadlineOf(request.headers) ?? deadlineMs);
  const closed = new AbortController();
  let turn: Turn | undefined;
  response.once('close', () => {
    if (!response.writableFinished) closed.abort();
    turn?.end();
  });
  return {
    deadline,
    signal: closed.signal,
    get overloaded() {
      return turn?.overloaded === true;
    },
    wait: async (bytes) => {
      turn = await turns.take({ bytes, deadline, signal: closed.signal });
    },
  };
};

const deadlineOf = ({ 'x-deadline-ms': sent }: IncomingHttpHeaders): number | undefined => {
  if (sent === undefined) return undefined;
  const ms = typeof sent === 'string' && /^\d{1,5}$/.test(sent) ? Number(sent) : 0;
  if (ms >= 1 && ms <= longestDeadlineMs) return ms;
  throw new WatchnextError('request_invalid', 'The deadline is not one.', {
    problems: [
      {
        path: 'X-Deadline-Ms',
        message: `must be a whole number of milliseconds from 1 to ${longestDeadlineMs}`,
        hint: 'how long you wait for the answer, from when you ask',
      },
    ],
  });
};

const path = '/v1/rank';

/**
 * Refuses rankings while there is no room for any, before anything is done for them: under load beyond what can be answered
 * what a refusal costs is taken from answers.
 */
export const refusingEarly = (
  listener: RequestListener,
  options: {
    readonly turns: Pick<Turns, 'isFull' | 'refuse'>;
    readonly metrics: Metrics;
    readonly readiness: { readonly draining: boolean };
    readonly logger: Logger;
    readonly settings: AccessLogSettings;
  },
): RequestListener => {
  const { turns, metrics, readiness, logger, settings } = options;
  const logRefusal = createRefusalLog(logger, settings);
  return (request, response) => {
    if (request.method !== 'POST' || request.url !== path || !turns.isFull) {
      listener(request, response);
      return;
    }
    const requestId = requestIdFor(request.headers);
    const error = turns.refuse();
    const body = JSON.stringify(errorReply(error, requestId));
    metrics.count('watchnext_http_requests_total', { route: path, status: String(error.status) });
    response.writeHead(error.status, {
      ...headersOver(request.socket),
      'X-Request-Id': requestId,
      'Retry-After': retryAfterOf(error),
      'Content-Type': jsonAnswer,
      'Content-Length': Buffer.byteLength(body),
      ...(readiness.draining && { Connection: 'close' }),
    });
    response.end(body);
    logRefusal({ requestId, method: request.method, route: path, status: error.status, code: error.code });
  };
};
