import { createServer } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { listen, urlOf, type ListenOptions } from '../src/listen.js';

let server = createServer();
const refused: string[] = [];
beforeEach(() => void (server = createServer((_, response) => response.end('here'))));
afterEach(() => new Promise((resolve) => server.close(resolve)));

const options = (port: number): ListenOptions => ({
  ...{ host: '127.0.0.1', port, setting: 'port', failure: 'Cannot listen' },
  hints: { taken: 'choose another', other: 'check it' },
  onRefused: ({ message }) => refused.push(message),
});

test('connections that cannot be accepted are told of, each, and the server listens on', async () => {
  await listen(server, options(0));
  for (const place of [1, 2, 3]) server.emit('error', new Error(`accept ENOBUFS ${place}`));
  expect(refused).toEqual(['accept ENOBUFS 1', 'accept ENOBUFS 2', 'accept ENOBUFS 3']);
  const answer = await fetch(urlOf(server, 'http'), { headers: { connection: 'close' } });
  expect(await answer.text()).toBe('here');
});

test('a port that is taken is told with what to do', async () => {
  await listen(server, options(0));
  const port = Number(new URL(urlOf(server, 'http')).port);
  await expect(listen(createServer(), options(port))).rejects.toMatchObject({
    code: 'settings_invalid',
    message: `Cannot listen: port ${port} is taken on 127.0.0.1.`,
    problems: [{ path: 'port', hint: 'choose another' }],
  });
});
