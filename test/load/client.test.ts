import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createClient, type Client } from '../../load-tests/generator/index.js';
import { serve, stopServers } from './server.js';

const clients: Client[] = [];
let raw: Server | undefined;
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stopServers();
  await new Promise<void>((resolve) => (raw === undefined ? resolve() : raw.close(() => resolve())));
  raw = undefined;
});
const clientOf = (...urls: string[]): Client => {
  const client = createClient({
    urls,
    path: '/v1/rank',
    connections: 4,
    timeoutMs: 30_000,
    marks: ['"one":', '"two":'],
  });
  clients.push(client);
  return client;
};
/** Says these bytes, one piece after the other, whatever it is asked; then closes if told to. */
const rawServer = async (pieces: readonly string[], close = false): Promise<string> => {
  raw = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      pieces.forEach((piece, at) => setTimeout(() => socket.write(piece), 15 * at));
      if (close) setTimeout(() => socket.end(), 15 * pieces.length + 5);
    });
  });
  await new Promise<void>((resolve) => raw?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(raw.address() as AddressInfo).port}`;
};
const send = (client: Client, text = '{}') => client.send(Buffer.from(text));

describe('the client', () => {
  test('sends what it is given, on connections that stay open', async () => {
    const bodies: string[] = [];
    const ports = new Set<number>();
    const url = await serve((request, response) => {
      let text = '';
      ports.add(request.socket.remotePort ?? 0);
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        bodies.push(`${request.method} ${request.url} ${text}`);
        response.end('{}');
      });
    });
    const client = clientOf(url);
    for (const text of ['{"a":1}', '{"ü":"€"}']) expect((await send(client, text)).status).toBe(200);
    expect(bodies).toEqual(['POST /v1/rank {"a":1}', 'POST /v1/rank {"ü":"€"}']);
    expect(ports.size).toBe(1);
  });

  const head = 'HTTP/1.1 200 OK\r\n';
  test.each([
    ['with a length, in pieces', [`${head}Content-Len`, 'gth: 4\r\n\r\n{"', 'a}'], 200],
    ['with a length, in one', [`${head}content-length: 2\r\n\r\n{}`], 200],
    ['without a body', ['HTTP/1.1 204 No Content\r\n\r\n'], 204],
    ['in chunks', [`${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`, '0\r', '\n\r\n'], 200],
    ['after a notice', ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n'], 503],
  ])('reads an answer %s to its end', async (_, pieces, status) => {
    expect(await send(clientOf(await rawServer(pieces)))).toEqual({ status, mark: 0 });
  });

  test('takes an answer that breaks off for a failure, and one that ends with its connection for whole', async () => {
    expect((await send(clientOf(await rawServer([`${head}content-length: 9\r\n\r\n{}`], true)))).status).toBe(0);
    await new Promise<void>((resolve) => raw?.close(() => resolve()));
    expect((await send(clientOf(await rawServer([`${head}\r\n{}`], true)))).status).toBe(200);
  });

  test('opens a new connection after one that was closed', async () => {
    const ports = new Set<number>();
    const url = await serve((request, response) => {
      request.resume();
      ports.add(request.socket.remotePort ?? 0);
      response.setHeader('connection', 'close').end('{}');
    });
    const client = clientOf(url);
    const statuses = [];
    for (let n = 0; n < 12; n++) statuses.push((await send(client)).status);
    expect(statuses).toEqual(Array.from({ length: 12 }, () => 200));
    expect(ports.size).toBe(12);
  });

  test('never has more connections than allowed; the rest wait', async () => {
    let open = 0;
    let most = 0;
    const url = await serve((request, response) => {
      request.resume();
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.end('{}');
      }, 20);
    });
    const client = clientOf(url);
    const replies = await Promise.all(Array.from({ length: 30 }, () => send(client)));
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    expect(most).toBe(4);
  });

  test('asks several servers in turn', async () => {
    const asked: string[] = [];
    const server = (name: string) =>
      serve((request, response) => {
        request.resume();
        asked.push(name);
        response.end('{}');
      });
    const client = clientOf(await server('a'), await server('b'), await server('c'));
    for (let n = 0; n < 6; n++) await send(client);
    expect(asked).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('says which mark an answer holds, the first one of several, also one that lies across pieces', async () => {
    const answers = ['{"items":[]}', '{"two":1}', '{"two":1,"one":2}', `{"x":"${'y'.repeat(100_000)}","one":1}`];
    let next = 0;
    const url = await serve((request, response) => {
      request.resume();
      response.end(answers[next++]);
    });
    const client = clientOf(url);
    const marks = [];
    for (let n = 0; n < answers.length; n++) marks.push((await send(client)).mark);
    expect(marks).toEqual([0, 2, 1, 1]);
    const split = [`${head}content-length: 9\r\n\r\n{"o`, 'ne":1}'];
    expect((await send(clientOf(await rawServer(split)))).mark).toBe(1);
  });

  test('fails at once where nobody listens', async () => {
    const url = await serve((_, response) => response.end());
    await stopServers();
    expect(await send(clientOf(url))).toEqual({ status: 0, mark: 0 });
  });
});
