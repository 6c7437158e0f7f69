import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startApp, type TestService } from './client.js';

let service: TestService;
beforeAll(async () => void (service = await startApp({ settings: { adminKey: 'k'.repeat(20) } })));
afterAll(() => service.close());

describe('POST /v1/rank', () => {
  test('answers ranked items under the request id that was sent', async () => {
    const body = {
      user: { id: 1, taste: 0.2 },
      candidates: [
        { id: 'a', quality: 1 },
        { id: 2, quality: 3 },
      ],
      limit: 5,
    };
    const { status, json, headers } = await service.call('POST', '/v1/rank', body, { 'x-request-id': 'abc-1' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ requestId: 'abc-1', ranker: 'shelf', items: [{ id: 2 }, { id: 'a' }] });
    expect(headers['x-request-id']).toBe('abc-1');
  });

  test('warns of fields that no feature reads and values that none can use', async () => {
    const body = {
      user: { tast: 0.2 },
      context: { device: 'toaster' },
      candidates: [
        { id: 'a', quality: 'good' },
        { id: 'b', quality: 1 },
      ],
    };
    const { status, json } = await service.call('POST', '/v1/rank', body);
    expect(status).toBe(200);
    expect(json.warnings).toEqual([
      { field: 'tast', where: 'user', message: 'no feature reads it; did you mean taste?' },
      { field: 'device', where: 'context', message: '"toaster" is not among the listed values: phone, tv' },
      { field: 'quality', where: 'candidate', message: '"good" is not a number: it counts as missing' },
    ]);
    const fine = await service.call('POST', '/v1/rank', { candidates: [{ id: 'a', quality: 1 }] });
    expect(fine.json).not.toHaveProperty('warnings');
  });

  test('makes up a request id where none, or a strange one, was sent', async () => {
    const body = { candidates: [{ id: 'a' }] };
    const { json } = await service.call('POST', '/v1/rank', body, { 'x-request-id': 'a b"{' });
    expect(json.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('understands gzip', async () => {
    const { gzipSync } = await import('node:zlib');
    const body = gzipSync(JSON.stringify({ candidates: [{ id: 'a' }] }));
    expect((await service.call('POST', '/v1/rank', body, { 'content-encoding': 'gzip' })).status).toBe(200);
  });
});

describe('PUT /v1/items and /v1/users', () => {
  test('take one or many, again and again, and rankings use them', async () => {
    for (let time = 0; time < 2; time++) {
      expect((await service.call('PUT', '/v1/items', { id: 'x', quality: 8 })).json).toEqual({ accepted: 1 });
      const two = [{ id: 'u8', taste: 0.1 }, { id: 'u9' }];
      expect((await service.call('PUT', '/v1/users', two)).json).toEqual({ accepted: 2 });
    }
    const { json } = await service.call('POST', '/v1/rank', { user: { id: 'u8' }, candidates: [{ id: 'x' }] });
    expect(json.items[0]?.heads).toEqual({ click: expect.closeTo(0.9, 5), watch: 80 });
  });

  test('warn of fields that no loaded ranker reads', async () => {
    const { json } = await service.call('PUT', '/v1/items', [
      { id: 'w1', qualty: 1 },
      { id: 'w2', taste: 1 },
    ]);
    expect(json).toEqual({
      accepted: 2,
      warnings: [
        { field: 'qualty', where: 'candidate', message: 'no feature reads it; did you mean quality?' },
        { field: 'taste', where: 'candidate', message: 'is not read here: it is a field of the user' },
      ],
    });
  });

  test('apply all or none', async () => {
    const refused = await service.call('PUT', '/v1/items', [{ id: 'new', quality: 1 }, { quality: 2 }]);
    expect(refused.status).toBe(400);
    expect(refused.json.error.problems).toEqual([{ path: '/1/id', message: 'is missing' }]);
    expect(await service.entities.read('item', ['new'])).toMatchObject({ known: [undefined] });
    const twice = await service.call('PUT', '/v1/items', [{ id: 'new' }, { id: 'new', quality: 1 }]);
    expect(twice.status).toBe(400);
    expect(await service.entities.read('item', ['new'])).toMatchObject({ known: [undefined] });
  });
});

describe('models', () => {
  const key = { authorization: `Bearer ${'k'.repeat(20)}` };

  test('are listed with what serves', async () => {
    expect((await service.call('GET', '/v1/models')).json).toEqual({
      rankers: [{ ranker: 'shelf', active: 'v1', versions: ['v1'] }],
    });
  });

  test('are changed by whoever has the key, in either header', async () => {
    const path = '/v1/models/shelf/activate';
    expect((await service.call('POST', path, { version: 'v2' }, key)).json).toMatchObject({ active: 'v2' });
    const rollback = await service.call('POST', '/v1/models/shelf/rollback', undefined, {
      'x-api-key': 'k'.repeat(20),
    });
    expect(rollback.json).toMatchObject({ active: 'v1' });
    expect((await service.call('POST', '/v1/models/other/rollback', undefined, key)).status).toBe(404);
  });

  test('stay as they are without it, whatever the body', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { 'x-api-key': 'k'.repeat(19) }]) {
      const { status, json, headers: sent } = await service.call('POST', '/v1/models/shelf/activate', '{bad', headers);
      expect([status, json.error.code]).toEqual([401, 'unauthorized']);
      expect(sent['www-authenticate']).toBe('Bearer');
    }
  });
});

describe('without an admin key', () => {
  const rollback = async (host: string, headers: Record<string, string>): Promise<number> => {
    const open = await startApp({ settings: { host } });
    const { status } = await open.call('POST', '/v1/models/shelf/rollback', undefined, headers);
    await open.close();
    return status;
  };

  test('only callers on a loopback service may change models, and no web page', async () => {
    expect(await rollback('127.0.0.1', {})).toBe(200);
    expect(await rollback('127.0.0.1', { origin: 'https://evil.example' })).toBe(401);
    expect(await rollback('127.0.0.1', { host: 'evil.example:8080' })).toBe(401);
    expect(await rollback('0.0.0.0', {})).toBe(401);
  });
});

describe('operations', () => {
  test('readiness follows the service, health does not', async () => {
    expect((await service.call('GET', '/readyz')).status).toBe(200);
    service.readiness.reason = 'draining';
    const { status, json } = await service.call('GET', '/readyz');
    expect([status, json.error.code, json.error.retriable]).toEqual([503, 'not_ready', true]);
    expect((await service.call('GET', '/healthz')).status).toBe(200);
    service.readiness.reason = undefined;
  });

  test('answers end their connection while draining', async () => {
    service.readiness.draining = true;
    expect((await service.call('GET', '/healthz')).headers.connection).toBe('close');
    service.readiness.draining = false;
  });

  test('metrics count requests by route and status, never by path', async () => {
    await service.call('GET', '/nothing/secret-user');
    await service.call('POST', '/v1/models/abc/rollback');
    const { text, headers } = await service.call('GET', '/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('watchnext_http_requests_total{route="unknown",status="404"} 1');
    expect(text).toContain('route="/v1/models/:ranker/rollback",status="401"');
    expect(text).not.toContain('secret-user');
  });

  test('the index, the API description and its page are served', async () => {
    expect((await service.call('GET', '/')).json.routes).toContain('POST /v1/rank');
    const page = await service.call('GET', '/docs');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).not.toMatch(/https?:\/\//);
    expect((await service.call('HEAD', '/docs')).text).toBe('');
  });
});
