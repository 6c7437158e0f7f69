import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { WatchnextError } from '../errors.js';

export const jsonAnswer = 'application/json; charset=utf-8';

/**
 * On every answer, also those that say no: nobody guesses its type, keeps it, frames it, runs anything of it or reads it from
 * another origin. Scripts of other origins get nothing in any case: no answer allows one (CORS).
 */
const safeHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Over TLS also: this host speaks nothing else, for a year. */
const safeHeadersOverTls: Readonly<Record<string, string>> = {
  ...safeHeaders,
  'Strict-Transport-Security': 'max-age=31536000',
};

export const headersOver = (socket: object | null): Readonly<Record<string, string>> =>
  socket !== null && 'encrypted' in socket ? safeHeadersOverTls : safeHeaders;

/** The request id that was sent, if it may be one, else a new one. */
export const requestIdFor = ({ 'x-request-id': sent }: IncomingHttpHeaders): string =>
  typeof sent === 'string' && /^[\w.-]{1,128}$/.test(sent) ? sent : randomUUID();

/** In whole seconds, at least one. */
export const retryAfterOf = ({ retryAfterMs = 0 }: WatchnextError): string =>
  String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
