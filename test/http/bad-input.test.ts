import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startApp, type TestService } from './client.js';

let service: TestService;
beforeAll(
  async () => void (service = await startApp({ settings: { maxCandidates: 1000, bodyLimitBytes: 2_000_000 } })),
);
afterAll(() => service.close());

const candidates = (count: number): { id: number }[] => Array.from({ length: count }, (_, id) => ({ id }));
const raw = (fields: string): string => `{"candidates":[{"id":"a",${fields}}]}`;

interface Case {
  readonly what: string;
  readonly body: unknown;
  readonly status?: number;
  readonly code?: string;
  readonly path: string;
}

const cases: readonly Case[] = [
  { what: 'malformed JSON', body: '{"candidates": [', path: '/' },
  { what: 'an empty body', body: '', path: '/' },
  { what: 'a primitive', body: '7', path: '/' },
  { what: 'null', body: 'null', path: '/' },
  { what: 'an array', body: [], path: '/' },
  { what: 'no candidates', body: {}, path: '/candidates' },
  { what: '0 candidates', body: { candidates: [] }, path: '/candidates' },
  { what: 'candidates of a wrong type', body: { candidates: 'abc' }, path: '/candidates' },
  {
    what: '5,000 candidates',
    body: { candidates: candidates(5000) },
    status: 413,
    code: 'request_too_large',
    path: '/candidates',
  },
  { what: 'duplicate ids', body: { candidates: [{ id: 7 }, { id: '7' }] }, path: '/candidates/1/id' },
  { what: 'an id that is not one', body: { candidates: [{ id: { a: 1 } }] }, path: '/candidates/0/id' },
  { what: 'a fraction as id', body: { candidates: [{ id: 1.5 }] }, path: '/candidates/0/id' },
  { what: 'an empty id', body: { candidates: [{ id: '' }] }, path: '/candidates/0/id' },
  { what: 'a number that JSON makes infinite', body: raw('"quality":1e999'), path: '/candidates/0/quality' },
  { what: 'NaN', body: raw('"quality":NaN'), path: '/' },
  { what: 'an infinite number in a list', body: raw('"v":[1,-1e999]'), path: '/candidates/0/v/1' },
  { what: 'an object as a field', body: raw('"quality":{"x":1}'), path: '/candidates/0/quality' },
  { what: 'a list of lists', body: raw('"v":[[1]]'), path: '/candidates/0/v/0' },
  { what: 'a text of 1 MB', body: raw(`"title":"${'x'.repeat(1_000_000)}"`), path: '/candidates/0/title' },
  { what: 'a list of 10,000', body: raw(`"v":[${'1,'.repeat(9999)}1]`), path: '/candidates/0/v' },
  { what: 'a __proto__ key', body: raw('"__proto__":{"admin":true}'), path: '/candidates/0/__proto__' },
  { what: 'a __proto__ key with a plain value', body: raw('"__proto__":1'), path: '/candidates/0/__proto__' },
  { what: 'a __proto__ user', body: '{"__proto__":{"candidates":[]},"candidates":[{"id":1}]}', path: '/__proto__' },
  { what: 'a constructor key', body: raw('"constructor":1'), path: '/candidates/0/constructor' },
  { what: 'a reserved field', body: raw('"item_id":"b"'), path: '/candidates/0/item_id' },
  { what: 'a field name of spaces', body: raw('"a b":1'), path: '/candidates/0/a b' },
  { what: 'a field name of 1 MB', body: raw(`"${'x'.repeat(1_000_000)}":1`), path: `/candidates/0/${'x'.repeat(100)}` },
  {
    what: '300 fields',
    body: { candidates: [{ id: 1, ...Object.fromEntries(candidates(300).map(({ id }) => [`f${id}`, 1])) }] },
    path: '/candidates/0',
  },
  { what: '100,000 levels', body: raw(`"v":${'['.repeat(100_000)}${']'.repeat(100_000)}`), path: '/' },
  { what: 'a typo in a name', body: { candidates: candidates(1), contxt: {} }, path: '/contxt' },
  { what: 'a limit of 0', body: { candidates: candidates(1), limit: 0 }, path: '/limit' },
  { what: 'a limit as text', body: { candidates: candidates(1), limit: '3' }, path: '/limit' },
  { what: 'infinite weights', body: '{"candidates":[{"id":1}],"weights":{"click":1e999}}', path: '/weights/click' },
  {
    what: 'an unknown head',
    body: { candidates: candidates(1), weights: { likes: 1 } },
    code: 'head_unknown',
    path: '/weights/likes',
  },
  {
    what: 'a __proto__ head',
    body: '{"candidates":[{"id":1}],"weights":{"__proto__":1}}',
    code: 'head_unknown',
    path: '/weights/__proto__',
  },
  {
    what: 'a body over the limit',
    body: raw(`"a":"${'x'.repeat(2_000_001)}"`),
    status: 413,
    code: 'request_too_large',
    path: '/',
  },
];

describe('a ranking request with', () => {
  test.each(cases)('$what is refused with the path', async ({ body, status = 400, code = 'request_invalid', path }) => {
    const answer = await service.call('POST', '/v1/rank', body);
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
    expect(answer.json.error.problems.map((problem) => problem.path)).toContain(path);
    expect(answer.json.requestId).toBe(answer.headers['x-request-id']);
    expect(answer.text.length).toBeLessThan(10_000);
  });

  test('several mistakes names them all, with hints', async () => {
    const body = { ranker: 7, candidates: [{ id: 'a', quality: {} }, {}], limt: 3 };
    const { json } = await service.call('POST', '/v1/rank', body);
    expect(json.error.problems.map(({ path }) => path).sort()).toEqual(
      ['/candidates/0/quality', '/candidates/1/id', '/limt', '/ranker'].sort(),
    );
    expect(json.error.problems.find(({ path }) => path === '/limt')?.hint).toContain('limit');
  });

  test('an unknown ranker is refused as unknown', async () => {
    const { status, json } = await service.call('POST', '/v1/rank', { ranker: 'nope', candidates: candidates(1) });
    expect([status, json.error.code]).toEqual([404, 'ranker_unknown']);
  });

  test('too many wrong candidates costs little and is cut short', async () => {
    const body = `{"candidates":[${'[],'.repeat(900)}[]],"x":"${'y'.repeat(1_500_000)}"}`;
    const { status, json } = await service.call('POST', '/v1/rank', body);
    expect(status).toBe(400);
    expect(json.error.problems.length).toBeLessThanOrEqual(20);
  });
});

describe('a request', () => {
  test('that is not JSON is refused by its type', async () => {
    const { status, json } = await service.call('POST', '/v1/rank', 'a=1', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect([status, json.error.code]).toEqual([415, 'media_type_unsupported']);
  });

  test('in an unknown encoding is refused', async () => {
    const strange = await service.call('POST', '/v1/rank', '{}', { 'content-encoding': 'rot13' });
    expect([strange.status, strange.json.error.code]).toEqual([415, 'media_type_unsupported']);
    const charset = await service.call('POST', '/v1/rank', '{}', {
      'content-type': 'application/json; charset=latin1',
    });
    expect(charset.status).toBe(415);
  });

  test('that is broken gzip, or swells beyond the limit, is refused', async () => {
    const { gzipSync } = await import('node:zlib');
    const gzip = { 'content-encoding': 'gzip' };
    expect((await service.call('POST', '/v1/rank', 'not gzip', gzip)).status).toBe(400);
    const bomb = gzipSync(Buffer.alloc(50_000_000, 32));
    expect((await service.call('POST', '/v1/rank', bomb, gzip)).status).toBe(413);
  });

  test('with another method is told which are allowed', async () => {
    const { status, json, headers } = await service.call('GET', '/v1/rank');
    expect([status, json.error.code, headers.allow]).toEqual([405, 'method_not_allowed', 'POST']);
    expect((await service.call('DELETE', '/healthz')).headers.allow).toBe('GET, HEAD');
  });

  test('for no route, or a broken path, is refused', async () => {
    expect((await service.call('GET', '/v2/rank')).json.error.code).toBe('route_unknown');
    expect((await service.call('POST', '/v1/models/%E0%A4%A/rollback')).status).toBe(400);
    expect((await service.call('POST', '/v1/models/..%2F..%2Fetc/rollback')).status).toBe(404);
  });

  test('leaves Object.prototype alone', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});

describe('what goes wrong here', () => {
  test('is answered with the request id and without its cause, which is logged', async () => {
    const logged: object[] = [];
    const log = (fields: object): void => void logged.push(fields);
    const broken = await startApp({
      bench: { ...service, rank: () => Promise.reject(new Error('secret detail')) },
      logger: { debug: () => {}, info: log, warn: log, error: log },
    });
    const { status, json, text } = await broken.call('POST', '/v1/rank', { candidates: candidates(1) });
    await broken.close();
    expect([status, json.error.code]).toEqual([500, 'internal']);
    expect(text).not.toContain('secret detail');
    expect(logged).toEqual([expect.objectContaining({ requestId: json.requestId, err: new Error('secret detail') })]);
  });
});

test.each([
  ['no candidates', { candidates: [] }, 'must not be empty'],
  ['a wrong type', { candidates: 'abc' }, 'must be a list'],
  ['a limit that is too small', { candidates: [{ id: 1 }], limit: 0 }, 'must be at least 1'],
  ['a limit that is too large', { candidates: [{ id: 1 }], limit: 9999 }, 'must be at most 5000'],
  ['a long name', { ranker: 'x'.repeat(65), candidates: [{ id: 1 }] }, 'must have at most 64 characters'],
])('%s is refused in plain words', async (_, body, message) => {
  const { json } = await service.call('POST', '/v1/rank', body);
  expect(json.error.problems).toMatchObject([{ message }]);
});

test('too many candidates are refused with the setting that allows more', async () => {
  const { json } = await service.call('POST', '/v1/rank', { candidates: candidates(1001) });
  expect(json.error.problems[0]?.hint).toContain('--max-candidates (WATCHNEXT_MAX_CANDIDATES)');
});
