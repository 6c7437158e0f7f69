import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings, redactSettings, settingSources, type SettingName } from '../../src/settings.js';
import { createLogger } from '../../src/telemetry/index.js';
import { sealShelf } from '../inference/shelf-model.js';
import { certificateOf } from '../security/certificate.js';
import { fileOf, keyOf } from '../security/builders.js';

let folder: string;
let server: RunningServer;
/** Everything that the service said: lines of the log, answers with their headers, metrics. */
const said: string[] = [];
const canaries = new Map<string, string>();
const canary = (name: string): string => {
  const text = `canary-${name}-0123456789`;
  canaries.set(name, text);
  return text;
};
const admin = keyOf({ name: 'deploy', roles: ['rank', 'feedback', 'admin'] });

/** A value of the setting’s form with a canary in it. */
const values: Partial<Record<SettingName, () => string>> = {
  redisUrl: () => `redis://someone:${canary('redisUrl')}@127.0.0.1:1/0`,
  otlpHeaders: () => `authorization=${canary('otlpHeaders')}`,
};
const secretSettings = settingSources
  .map(({ name }) => name)
  .filter((name) => redactSettings({ ...readSettings({}), [name]: 'x' })[name] === '(set)');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-secrets-'));
  const models = join(folder, 'models');
  await openArtifacts(models).activate('shelf', await sealShelf(models, { nowMs: Date.UTC(2026, 0, 1) }));
  const keysFile = join(folder, 'keys.json');
  await writeFile(keysFile, fileOf(admin));
  canaries.set('key', admin.key.slice(16));
  canaries.set('hash', admin.entry.hash.slice(7));
  const { cert, key } = certificateOf('here');
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
  canaries.set('tlsKey', key.split('\n')[1]!);
  const secret = Object.fromEntries(secretSettings.map((name) => [name, (values[name] ?? (() => canary(name)))()]));
  const settings = readSettings(
    {},
    {
      ...{ models, keysFile, ...secret, port: 0, device: 'cpu', logLevel: 'trace' },
      ...{ store: join(folder, 'store'), logDirectory: join(folder, 'log'), spoolDirectory: join(folder, 'spool') },
      ...{ experimentsHost: 'http://127.0.0.1:1', experimentsPollMs: 50, pollMs: 50 },
      ...{ log: 'kafka', kafkaBrokers: '127.0.0.1:1', kafkaSaslMechanism: 'plain', kafkaSaslUsername: 'someone' },
      ...{ otlpEndpoint: `http://someone:${canary('otlpEndpoint')}@127.0.0.1:1`, traceRatio: 1 },
      ...{ tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') },
    },
  );
  const logger = createLogger({ level: 'trace', destination: { write: (line) => void said.push(line) } });
  // Libraries that print past the logger.
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  server = await startServer(settings, { logger, signals: false });
});
afterAll(async () => {
  jest.restoreAllMocks();
  await server.close();
  await rm(folder, { recursive: true });
});

test('there are secret settings, and each is set here', () => {
  expect(secretSettings).toEqual(
    expect.arrayContaining(['adminKey', 'experimentsClientKey', 'kafkaSaslPassword', 'redisUrl']),
  );
  expect([...canaries.keys()]).toEqual(expect.arrayContaining(secretSettings));
});

/** Asks, and keeps all that comes back. */
const ask = (
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> =>
  new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { method, agent: false, rejectUnauthorized: false, headers: { ...type, ...headers } };
    const sent = request(server.url + path, options, (response) => {
      said.push(JSON.stringify(response.headers));
      response.setEncoding('utf8').on('data', (text: string) => void said.push(text));
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject).end(body);
  });

test('no secret is said, whatever is asked and whatever fails', async () => {
  const keys = [
    {},
    { authorization: `Bearer ${admin.key}` },
    { authorization: `Bearer ${admin.key}x` },
    { authorization: `Basic ${admin.key}` },
    { 'x-api-key': admin.key.slice(0, -1) },
    { authorization: `Bearer ${canaries.get('adminKey')}` },
    { authorization: `Bearer ${canaries.get('adminKey')}x`, cookie: canaries.get('adminKey')! },
  ];
  const asked: readonly (readonly [string, string, string?])[] = [
    ...[
      '/',
      '/docs',
      '/openapi.json',
      '/healthz',
      '/readyz',
      '/metrics',
      '/nothing',
      '/v1/models',
      '/v1/experiments',
    ].map((path) => ['GET', path] as const),
    ['POST', '/v1/rank', '{"user":{"id":"u"},"candidates":[{"id":1,"quality":2}],"explain":true}'],
    ['POST', '/v1/rank', '{"candidates":'],
    ['POST', '/v1/rank', '{"candidates":[{"id":{}}]}'],
    ['POST', '/v1/feedback', '{"id":"e","requestId":"r","item":"i","kind":"click"}'],
    ['POST', '/v1/feedback', '[{}]'],
    ['PUT', '/v1/items', '{"id":"i","quality":1}'],
    ['PUT', '/v1/users', '{"id":"u","taste":1}'],
    ['POST', '/v1/clock', '{"time":1}'],
    ['POST', '/v1/models/shelf/activate', '{"version":"20200101T000000Z-abcdef"}'],
    ['POST', '/v1/models/shelf/rollback'],
    ['DELETE', '/v1/rank'],
  ];
  const statuses = new Set<number>();
  for (const headers of keys)
    for (const [method, path, body] of asked) statuses.add(await ask(method, path, body, headers));
  expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 405, 503]));
  // Experiments, Redis and Kafka are away: their failures are in the log by now.
  const text = said.join('\n');
  for (const word of [
    'answered',
    'experiments',
    '"requestId"',
    'watchnext_ready',
    'strict-transport-security',
    '(set)',
  ])
    expect(text).toContain(word);
  for (const [name, secret] of canaries) expect([name, text.includes(secret)]).toEqual([name, false]);
}, 240_000);

test('settings that cannot be used are refused without saying what they hold', () => {
  for (const name of ['redisUrl', 'adminKey', 'experimentsHost', 'kafkaBrokers'] as const) {
    let problems = '';
    try {
      readSettings(
        {},
        { [name]: name === 'adminKey' ? 'canary-short' : 'https://someone:canary-password@host example' },
      );
    } catch (error) {
      problems = JSON.stringify({
        problems: (error as { problems: unknown }).problems,
        message: (error as Error).message,
      });
    }
    expect(problems).toMatch(/"path"/);
    expect(problems).not.toContain('canary');
  }
});

test('addresses are printed without names and passwords', () => {
  const settings = { ...readSettings({}), experimentsHost: 'https://someone:canary-password@flags.example/path' };
  expect(redactSettings(settings)['experimentsHost']).toBe('https://(set)@flags.example/path');
});
