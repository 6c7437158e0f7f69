/**
 * On every answer, also those that say no: nobody guesses its type, keeps it, frames it, runs anything of it or reads it from
 * another origin. Scripts of other origins get nothing in any case: no answer allows one (CORS).
 */
export const safeHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Over TLS also: this host speaks nothing else, for a year. */
export const tlsHeaders: Readonly<Record<string, string>> = { 'Strict-Transport-Security': 'max-age=31536000' };

export const headersOver = (socket: object | null): Readonly<Record<string, string>> =>
  socket !== null && 'encrypted' in socket ? { ...safeHeaders, ...tlsHeaders } : safeHeaders;

/** A request id as it may be sent. */
export const isRequestId = (sent: unknown): sent is string => typeof sent === 'string' && /^[\w.-]{1,128}$/.test(sent);
