import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { WatchnextError } from '../errors.js';

/**
 * Who may change what serves: whoever has the admin key. Without a configured key, only callers of a service that listens
 * on a loopback address, and among them no web page (a page sends its Origin, or reaches loopback under another host name).
 */
export const createAdminGuard = (options: {
  readonly adminKey: string | undefined;
  readonly host: string;
}): ((headers: IncomingHttpHeaders) => void) => {
  const { adminKey, host } = options;
  return (headers) => {
    if (adminKey !== undefined) {
      if (sameKey(keyOf(headers), adminKey)) return;
      throw new WatchnextError('unauthorized', 'This needs the admin key.', {
        problems: [
          { path: 'Authorization', message: 'is missing or wrong', hint: 'send "Authorization: Bearer <key>"' },
        ],
      });
    }
    if (isLoopback(host) && isLoopback(hostName(headers.host)) && headers.origin === undefined) return;
    throw new WatchnextError('unauthorized', 'This is closed: the service has no admin key.', {
      problems: [
        { path: 'Authorization', message: 'no key is set', hint: 'start the service with WATCHNEXT_ADMIN_KEY' },
      ],
    });
  };
};

const keyOf = (headers: IncomingHttpHeaders): string => {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const key = headers['x-api-key'];
  return bearer ?? (typeof key === 'string' ? key : '');
};

/** Digests have one length, so the comparison takes the same time whatever was sent. */
const sameKey = (sent: string, key: string): boolean => timingSafeEqual(digest(sent), digest(key));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const hostName = (header: string | undefined): string => (header ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
const isLoopback = (host: string): boolean => /^(localhost|::1|127(\.\d{1,3}){3})$/i.test(host);
