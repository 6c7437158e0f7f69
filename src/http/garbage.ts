import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { WatchnextError } from '../errors.js';
import { errorReply } from './errors.js';
import { headersOver, jsonAnswer } from './headers.js';

/** What is not HTTP, is too slow or has a head that is too large gets a short answer and no connection. */
export const refuseGarbage = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, refusal] = refusalOf(error.code);
  const requestId = randomUUID();
  const body = JSON.stringify(errorReply(refusal, requestId));
  const headers = {
    Connection: 'close',
    'Content-Type': jsonAnswer,
    'Content-Length': String(Buffer.byteLength(body)),
    'X-Request-Id': requestId,
    ...headersOver(socket),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
};

const refusalOf = (code: string | undefined): [status: string, error: WatchnextError] => {
  if (code === 'HPE_HEADER_OVERFLOW')
    return [
      '431 Request Header Fields Too Large',
      new WatchnextError('head_too_large', 'URL and headers are too large.'),
    ];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return ['408 Request Timeout', new WatchnextError('request_timeout', 'The request did not come in time.')];
  return ['400 Bad Request', new WatchnextError('request_invalid', 'This is not HTTP.')];
};
