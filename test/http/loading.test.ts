import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { answerWhileLoading } from '../../src/http/index.js';

test('while the models are loaded the service is alive and not ready', async () => {
  const server = createServer(answerWhileLoading);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    error: { code: 'not_ready', retriable: true },
    requestId: ready.headers.get('x-request-id'),
  });
  expect((await fetch(`${url}/v1/rank`, { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(503);
  await new Promise((resolve) => server.close(resolve));
});
