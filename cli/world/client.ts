import { setTimeout as sleep } from 'node:timers/promises';
import { catalogue, WatchnextError, type ErrorCode, type Problem } from '../../src/errors.js';
import type { Fields } from '../../src/features/index.js';
import { nameHint } from '../../src/nearest.js';
import type { WorldAnswer, WorldEntity, WorldService } from '../../training/dataset/index.js';

export interface ServiceClientOptions {
  readonly url: string;
  /** Asked for by name; the service's own choice if left out. */
  readonly ranker?: string;
  /** Between attempts, doubled each time; for what can be tried again. */
  readonly retryMs?: number;
}

const attempts = 5;
const timeoutMs = 60_000;

/**
 * A service over HTTP, as a world visits it. Resolves when it is there, ready, and goes by the time that requests say: before
 * that nothing is put into it. What can be tried again is, a few times; anything else rejects with what the service said.
 */
export const openServiceClient = async (options: ServiceClientOptions): Promise<WorldService> => {
  const { url, ranker } = options;
  const call = caller(options);
  requireRanker(await call('GET', '/v1/models'), options);
  return {
    say: async (time) => {
      await call('POST', '/v1/clock', { time });
    },
    put: async (kind, entities) => {
      await call('PUT', `/v1/${kind}s`, entities.map(flat));
    },
    rank: async ({ requestId, time, user, context, candidates, limit }) => {
      const body = { ...(ranker !== undefined && { ranker }), time, user: flat(user), context, limit };
      const ranked = { ...body, candidates: candidates.map(flat) };
      return (await call('POST', '/v1/rank', ranked, { 'x-request-id': requestId })) as WorldAnswer;
    },
    feedback: async (events) => {
      const { duplicates, refused } = (await call('POST', '/v1/feedback', events)) as {
        readonly duplicates: number;
        readonly refused: readonly { readonly problems: readonly Problem[] }[];
      };
      // Some kinds may be unknown to this ranker; if nothing at all is taken, something else is wrong.
      if (refused.length === events.length)
        throw new WatchnextError('request_invalid', `${url} refused all of ${events.length} events.`, {
          problems: refused.flatMap(({ problems }) => problems).slice(0, 5),
        });
      return { duplicates, refused: refused.length };
    },
  };
};

type Method = 'GET' | 'PUT' | 'POST';

const caller =
  ({ url, retryMs = 200 }: ServiceClientOptions) =>
  async (method: Method, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<unknown> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(`${url}${path}`, { method, body, headers });
      } catch (error) {
        const again = error instanceof WatchnextError && error.retriable;
        if (!again || attempt === attempts) throw error;
        await sleep(retryMs * 2 ** attempt);
      }
    }
  };

const once = async (
  url: string,
  {
    method,
    body,
    headers,
  }: { readonly method: Method; readonly body: unknown; readonly headers: Record<string, string> },
): Promise<unknown> => {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(timeoutMs),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw unreachable(url, cause);
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  throw refusal(url, response.status, answer);
};

const unreachable = (url: string, cause: unknown): WatchnextError => {
  const inner: unknown = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message || inner.name : String(inner);
  return new WatchnextError('not_ready', `${url} cannot be reached: ${reason}.`, {
    problems: [
      {
        path: '--service',
        message: 'nothing answers there',
        hint: 'start one: watchnext serve --clock requests; or name where it listens',
      },
    ],
    cause,
  });
};

/** What the service said, as its own error. */
const refusal = (url: string, status: number, answer: unknown): WatchnextError => {
  const { error } = (answer ?? {}) as {
    readonly error?: { readonly code?: string; readonly message?: string; readonly problems?: readonly Problem[] };
  };
  const known = error?.code !== undefined && error.code in catalogue ? (error.code as ErrorCode) : 'internal';
  const code = known === 'internal' && status < 500 ? 'request_invalid' : known;
  return new WatchnextError(code, `${url}: ${error?.message ?? `it answered ${status}, which is not of watchnext`}`, {
    problems: error?.problems ?? [],
  });
};

const requireRanker = (answer: unknown, { url, ranker }: ServiceClientOptions): void => {
  const { rankers } = answer as {
    readonly rankers: readonly { readonly ranker: string; readonly active: string | null }[];
  };
  const names = rankers.map((each) => each.ranker);
  const refuse = (code: ErrorCode, message: string, hint: string): never => {
    throw new WatchnextError(code, `${url} cannot be visited: ${message}.`, {
      problems: [{ path: '--ranker', message, hint }],
    });
  };
  if (names.length === 0) refuse('not_ready', 'it has no rankers', 'train one and serve its folder');
  if (ranker === undefined) return;
  const found = rankers.find((each) => each.ranker === ranker);
  if (found === undefined) refuse('ranker_unknown', `it has no ranker ${ranker}`, nameHint(ranker, names));
  else if (found.active === null) refuse('not_ready', `${ranker} has no active version`, 'activate one');
};

/** As the API takes them: the id among the fields, arrays of numbers plain. */
const flat = ({ id, fields }: WorldEntity): Record<string, Fields[string]> => ({
  ...Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Float32Array ? [...value] : value]),
  ),
  id,
});
