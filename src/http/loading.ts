import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { WatchnextError } from '../errors.js';
import { errorReply } from './errors.js';
import { headersOver, jsonAnswer } from './headers.js';

/** What the service answers between listening and having read its models: it is alive, and not ready. */
export const answerWhileLoading: RequestListener = (request, response) => {
  const requestId = randomUUID();
  const alive = request.url === '/healthz';
  const body = alive
    ? { status: 'ok' }
    : errorReply(new WatchnextError('not_ready', 'Not ready: the models are being loaded.'), requestId);
  // The connection ends here, so that the rest of a large body need not be read.
  response.writeHead(alive ? 200 : 503, {
    ...headersOver(request.socket),
    'Content-Type': jsonAnswer,
    'X-Request-Id': requestId,
    Connection: 'close',
  });
  response.end(JSON.stringify(body));
};
