import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings } from '../../src/settings.js';
import { createLogger } from '../../src/telemetry/index.js';
import { sealShelf } from '../inference/shelf-model.js';
import { fileOf, keyOf } from '../security/builders.js';
import { cpuTimeMs } from '../cpu-time.js';

let folder: string;
let server: RunningServer;
let port: number;
const lines: string[] = [];
const everything = keyOf({ roles: ['rank', 'feedback', 'admin'] });
const authorization = `Bearer ${everything.key}`;
const version = '20260101T000000Z-abcdef';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-hostile-'));
  const models = join(folder, 'models');
  const sealed = await sealShelf(models, { nowMs: Date.UTC(2026, 0, 1) });
  await openArtifacts(models).activate('shelf', sealed);
  const keysFile = join(folder, 'keys.json');
  await writeFile(keysFile, fileOf(everything));
  const settings = readSettings(
    {},
    {
      ...{ models, keysFile, store: join(folder, 'store'), logDirectory: join(folder, 'log'), port: 0, device: 'cpu' },
      ...{ requestTimeoutMs: 2000, maxConnections: 200, logLevel: 'trace' },
    },
  );
  const logger = createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } });
  server = await startServer(settings, { logger, signals: false });
  port = Number(new URL(server.url).port);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const sockets = new Set<Socket>();
afterAll(() => sockets.forEach((socket) => socket.destroy()));

/** Everything that comes back until the connection ends; it is cut after fifty seconds. */
interface Talk {
  readonly socket: Socket;
  readonly heard: () => string;
  readonly ended: Promise<string>;
}
const talk = (text: string | Uint8Array = ''): Talk => {
  const socket = connect(port, '127.0.0.1');
  sockets.add(socket);
  let heard = '';
  socket.setEncoding('latin1').on('data', (part: string) => (heard += part));
  const ended = new Promise<string>((resolve) => {
    const limit = setTimeout(() => socket.destroy(), 50_000);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(limit);
      resolve(heard);
    });
  });
  socket.write(text);
  return { socket, heard: () => heard, ended };
};
const head = (method: string, path: string, headers: Readonly<Record<string, string | number>> = {}): string =>
  `${method} ${path} HTTP/1.1\r\n${Object.entries({ Host: 'localhost', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
const once = { Connection: 'close', Authorization: authorization };
const json = { 'Content-Type': 'application/json' };
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const post = (path: string, body: string | Uint8Array, headers: Readonly<Record<string, string | number>> = {}) => {
  const bytes = Buffer.from(body);
  const talking = talk(head('POST', path, { ...once, ...json, 'Content-Length': bytes.length, ...headers }));
  talking.socket.write(bytes);
  return talking.ended;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const serves = async (): Promise<boolean> => {
  const answer = await post('/v1/rank', '{"candidates":[{"id":1}]}');
  return statusOf(answer) === 200 && answer.includes('"items"');
};
/** How much more memory the process held at most while that went on. */
const grown = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
  await work();
  clearInterval(watch);
  return Math.max(most, process.memoryUsage().rss) - before;
};
const megabyte = 2 ** 20;

describe('a body that swells to a gigabyte', () => {
  const part = Buffer.alloc(64 * megabyte);
  const gzip = gzipSync(part, { level: 1 });
  const flushed = deflateSync(part, { level: 1, finishFlush: constants.Z_FULL_FLUSH });
  const bombs: readonly (readonly [string, () => Buffer])[] = [
    ['gzip', () => Buffer.concat(Array<Buffer>(16).fill(gzip))],
    ['deflate', () => Buffer.concat([flushed, ...Array<Buffer>(15).fill(flushed.subarray(2))])],
    [
      'br',
      () => brotliCompressSync(Buffer.alloc(1024 * megabyte), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ],
  ];
  test.each(bombs)('in %s is refused without being held', async (encoding, make) => {
    const bomb = make();
    const headers = { ...once, ...json, 'Content-Encoding': encoding, 'Transfer-Encoding': 'chunked' };
    const before = cpuTimeMs();
    let answer = '';
    const growth = await grown(async () => {
      const talking = talk(`${head('PUT', '/v1/items', headers)}${bomb.length.toString(16)}\r\n`);
      talking.socket.write(bomb);
      answer = await talking.ended;
    });
    expect(statusOf(answer)).toBe(413);
    expect(growth).toBeLessThan(100 * megabyte);
    expect(cpuTimeMs() - before).toBeLessThan(5000);
    expect(await serves()).toBe(true);
  });
});

describe('a body that is too long', () => {
  test('is refused before it is sent, where it is announced', async () => {
    const talking = talk(head('POST', '/v1/rank', { ...once, ...json, 'Content-Length': 10 ** 12 }));
    const answer = await talking.ended;
    expect(statusOf(answer)).toBe(413);
    expect(answer).toContain('"request_too_large"');
  });

  test('is refused while it comes, where it is not, and its sender is told', async () => {
    const talking = talk(head('POST', '/v1/rank', { ...once, ...json, 'Transfer-Encoding': 'chunked' }));
    const chunk = `${megabyte.toString(16)}\r\n${' '.repeat(megabyte)}\r\n`;
    for (let sent = 0; sent < 64 && talking.heard() === ''; sent++) {
      talking.socket.write(chunk);
      await pause(1);
    }
    expect(statusOf(await talking.ended)).toBe(413);
  });

  test('of somebody without a key is not read', async () => {
    const talking = talk(head('POST', '/v1/rank', { ...json, 'Content-Length': 3 * megabyte }));
    const answer = await talking.ended;
    expect(statusOf(answer)).toBe(401);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
  });
});

describe('a slow client', () => {
  const drip = async ({ socket }: Talk, text: string): Promise<void> => {
    for (const character of text) {
      if (socket.destroyed) return;
      socket.write(character);
      await pause(60);
    }
  };
  test('that drips its head or its body is let go, while others are served', async () => {
    const slow = [
      ...Array.from(
        { length: 40 },
        () => [talk('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: '), 'a'.repeat(200)] as const,
      ),
      ...Array.from(
        { length: 40 },
        () =>
          [
            talk(head('POST', '/v1/rank', { ...json, Authorization: authorization, 'Content-Length': 500 })),
            ' '.repeat(200),
          ] as const,
      ),
    ];
    for (const [talking, text] of slow) void drip(talking, text);
    await pause(200);
    expect(await serves()).toBe(true);
    const answers = await Promise.all(slow.map(([{ ended }]) => ended));
    expect(new Set(answers.map(statusOf))).toEqual(new Set([408]));
    expect(answers[0]).toContain('"request_timeout"');
  });

  test('that does not read its answers is let go, and costs little memory', async () => {
    const growth = await grown(async () => {
      const talking = talk();
      talking.socket.pause();
      const asking = head('GET', '/openapi.json').repeat(2000);
      talking.socket.write(asking);
      // A socket that is paused does not notice its end: writing does.
      const deadline = Date.now() + 40_000;
      while (!talking.socket.destroyed && Date.now() < deadline) {
        talking.socket.write(head('GET', '/healthz'));
        await pause(50);
      }
      expect(Date.now()).toBeLessThan(deadline);
    });
    expect(growth).toBeLessThan(100 * megabyte);
  });

  test('that opens connections and says nothing cannot take them all for long', async () => {
    const silent = Array.from({ length: 230 }, () => talk());
    const answers = await Promise.all(silent.map(({ ended }) => ended));
    expect(answers.every((answer) => answer === '' || statusOf(answer) === 408)).toBe(true);
    expect(await serves()).toBe(true);
  });
});

describe('a request that two servers could read in two ways', () => {
  const body = '0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n';
  test.each([
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked'],
    ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 4'],
    ['two lengths', 'Content-Length: 4\r\nContent-Length: 5'],
    ['a length that is none', 'Content-Length: 4, 4'],
    ['a signed length', 'Content-Length: +4'],
    ['an encoding that is not chunked at its end', 'Transfer-Encoding: chunked, identity'],
    ['a disguised encoding', 'Transfer-Encoding: xchunked'],
    ['a space before the colon', 'Content-Length : 4'],
    ['a header over two lines', 'X-A: 1\r\n Content-Length: 4'],
    ['a header that hides a line', 'X-A: 1\nContent-Length: 4'],
  ])('is refused: %s', async (_, headers) => {
    const answer = await talk(`POST /v1/rank HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n${body}`).ended;
    expect(statusOf(answer)).toBe(400);
    expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toHaveLength(1);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
  });
});

describe('a head', () => {
  test.each([
    ['a URL of 3 KB', head('GET', `/${'a'.repeat(3000)}`, once)],
    ['a URL of 100 KB', head('GET', `/${'a'.repeat(100_000)}`, once)],
    ['a header of 20 KB', head('GET', '/healthz', { ...once, 'X-Long': 'a'.repeat(20_000) })],
    [
      '150 headers',
      head('GET', '/healthz', { ...once, ...Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`X-${i}`, 1])) }),
    ],
    [
      '3,000 headers',
      head('GET', '/healthz', { ...once, ...Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x${i}`, 1])) }),
    ],
  ])('with %s is refused', async (_, text) => {
    const answer = await talk(text).ended;
    expect(statusOf(answer)).toBe(431);
    expect(answer).toContain('"head_too_large"');
  });

  test.each([
    ['HEAD', '/healthz', 200],
    ['OPTIONS', '/v1/rank', 405],
    ['OPTIONS', '*', 404],
    ['TRACE', '/healthz', 405],
    ['DELETE', '/v1/items', 405],
    ['PROPFIND', '/', 405],
    ['BREW', '/', 400],
    ['GET', 'http://elsewhere.example/healthz', 200],
    ['GET', '//healthz', 404],
    ['GET', '/v1/../healthz', 404],
    ['GET', '/%2e%2e/healthz', 404],
    ['GET', '/healthz%00', 404],
    ['GET', '/v1/models/%E0%A4%A/activate', 400],
  ])('%s %s is answered with %d and no permission for other origins', async (method, path, status) => {
    const answer = await talk(head(method, path, { ...once, Origin: 'https://evil.example', 'X-Secret': 'echo-me' }))
      .ended;
    expect([method, path, statusOf(answer)]).toEqual([method, path, status]);
    expect(answer).not.toMatch(/access-control|echo-me|evil\.example/i);
    if (method === 'HEAD') expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  test('without a host, or with expectations, is answered like any other', async () => {
    const nowhere = await talk('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n').ended;
    expect([statusOf(nowhere), nowhere.includes('"path":"Host"')]).toEqual([400, true]);
    const expecting = await talk(head('GET', '/healthz', { ...once, Expect: 'wonders' })).ended;
    expect(statusOf(expecting)).toBe(200);
  });

  test('of a tunnel or another protocol is not followed', async () => {
    expect(await talk(head('CONNECT', 'example.com:443')).ended).toBe('');
    const upgrade = await talk(head('GET', '/healthz', { ...once, Connection: 'Upgrade, close', Upgrade: 'websocket' }))
      .ended;
    expect(statusOf(upgrade)).toBe(200);
  });
});

describe('every answer', () => {
  const asked: readonly (readonly [string, () => Promise<string>])[] = [
    ['200', () => talk(head('GET', '/v1/models', once)).ended],
    ['401', () => talk(head('GET', '/v1/models', { Connection: 'close' })).ended],
    ['404', () => talk(head('GET', '/nothing', once)).ended],
    ['413', () => talk(head('POST', '/v1/rank', { ...once, ...json, 'Content-Length': 10 ** 9 })).ended],
    ['400', () => talk('garbage\r\n\r\n').ended],
    ['431', () => talk(head('GET', `/${'a'.repeat(30_000)}`)).ended],
  ];
  test.each(asked)('with %s has safe headers, a request id, and does not say what made it', async (status, ask) => {
    const answer = await ask();
    expect(statusOf(answer)).toBe(Number(status));
    for (const header of [
      'X-Content-Type-Options: nosniff',
      'Cache-Control: no-store',
      "Content-Security-Policy: default-src 'none'",
      'Referrer-Policy: no-referrer',
      'Cross-Origin-Resource-Policy: same-origin',
      'Content-Type: application/json',
      'X-Request-Id: ',
    ])
      expect(answer).toContain(`\r\n${header}`);
    expect(answer).not.toMatch(/\r\n(Server|X-Powered-By|Strict-Transport-Security):/i);
  });

  test('that is a page allows its own script alone', async () => {
    const answer = await talk(head('GET', '/docs', once)).ended;
    expect(answer).toMatch(/Content-Security-Policy: default-src 'none'; connect-src 'self'; script-src 'sha256-/);
    expect(answer).not.toContain('unsafe-inline');
  });
});

describe('what is sent', () => {
  const nasty = 'a\r\n{"level":60,"msg":"forged"}\u001b[2J\u009b31m\u2028\u0000"\\';
  test('forges no line of the log and reaches no terminal', async () => {
    lines.length = 0;
    const text = JSON.stringify(nasty);
    const path = encodeURIComponent(nasty);
    await post('/v1/rank', `{"ranker":${text},"candidates":[{"id":${text}}]}`);
    await post(
      '/v1/rank',
      `{"user":{"id":${text},${text}:1},"candidates":[{"id":${text},"quality":${text}}],"weights":{${text}:1}}`,
    );
    await post('/v1/feedback', `[{"id":${text},"requestId":${text},"item":${text},"kind":${text},"time":${text}}]`);
    await post(`/v1/models/${path}/activate`, `{"version":${text}}`);
    await post('/v1/models/shelf/activate', `{"version":${text}}`);
    await talk(head('GET', `/${path}`, once)).ended;
    const sent = {
      ...once,
      'X-Request-Id': 'a\u009b31m',
      'User-Agent': '\u009b31m',
      Authorization: 'Bearer \u009b31m',
    };
    await talk(Buffer.from(head('GET', '/v1/models', sent), 'latin1')).ended;
    await talk(head('POST', '/v1/rank', { ...once, ...json, 'Content-Encoding': '\u001b[2J' })).ended;
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) {
      expect(line).toMatch(/^[^\p{Cc}\u2028\u2029]*\n$/u);
      expect((JSON.parse(line) as { level: number }).level).toBeLessThan(60);
    }
  });

  test('changes nothing that objects inherit', async () => {
    const inside = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}';
    const before = Object.getOwnPropertyNames(Object.prototype).sort();
    for (const [path, bodies] of Object.entries({
      '/v1/rank': [
        `{${inside},"candidates":[{"id":1}]}`,
        `{"candidates":[{"id":1,${inside}}]}`,
        `{"user":{${inside}},"context":{${inside}},"candidates":[{"id":"__proto__"}]}`,
        `{"weights":{"__proto__":1,"constructor":2},"candidates":[{"id":1}]}`,
        `{"ranker":"__proto__","candidates":[{"id":"constructor"}]}`,
      ],
      '/v1/feedback': [
        `{"id":"__proto__","requestId":"__proto__","item":"__proto__","kind":"__proto__"}`,
        `[{"id":"e","requestId":"r","item":"i","kind":"constructor",${inside}}]`,
      ],
      '/v1/models/__proto__/activate': [`{"version":"__proto__",${inside}}`, `{"version":"${version}"}`],
      '/v1/models/constructor/rollback': ['{}'],
    }))
      for (const body of bodies) expect([body, statusOf(await post(path, body)) < 500]).toEqual([body, true]);
    const put = async (path: string, body: string): Promise<number> => {
      const talking = talk(head('PUT', path, { ...once, ...json, 'Content-Length': Buffer.byteLength(body) }) + body);
      return statusOf(await talking.ended);
    };
    for (const path of ['/v1/items', '/v1/users']) {
      expect(await put(path, `{"id":"x",${inside}}`)).toBe(400);
      expect(await put(path, `{"id":"__proto__","topic":"a"}`)).toBe(200);
    }
    expect(
      statusOf(
        await post('/v1/rank', `{"user":{"id":"__proto__"},"candidates":[{"id":"__proto__"},{"id":"toString"}]}`),
      ),
    ).toBe(200);
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await serves()).toBe(true);
  });
});
