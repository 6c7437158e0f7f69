import { createServer, request, type Server } from 'node:https';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openTls, type Tls } from '../../src/security/index.js';
import { silentLogger, type Logger } from '../../src/telemetry/index.js';
import { certificateOf, type TestCertificate } from './certificate.js';
import { until } from '../until.js';

let folder: string;
const [first, second, client] = ['first', 'second', 'client'].map(certificateOf) as [
  TestCertificate,
  TestCertificate,
  TestCertificate,
];
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'watchnext-tls-'))));
afterAll(() => rm(folder, { recursive: true }));

const written = async (name: string, { cert, key }: TestCertificate): Promise<{ cert: string; key: string }> => {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  return files;
};

const serving = async (
  files: Parameters<typeof openTls>[0]['files'],
  logger: Logger = silentLogger,
): Promise<{ port: number; close: () => Promise<void> }> => {
  const tls: Tls = await openTls({ files, logger, pollMs: 5 });
  const server: Server = createServer(tls.options, (_, response) => response.end('served'));
  tls.follow(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      await tls.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** The name on the certificate that is shown, or the error. */
const shown = (port: number, options: object = {}): Promise<string> =>
  new Promise((resolve) => {
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.setTimeout(30_000, () => socket.destroy(new Error('it took too long')));
  });
const asked = (port: number, options: object): Promise<string> =>
  new Promise((resolve) => {
    const sent = request({ port, host: '127.0.0.1', ca: first.cert, agent: false, ...options }, (response) => {
      response.setEncoding('utf8').on('data', resolve);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(`refused: ${error.code}`)).end();
  });

describe('TLS', () => {
  test('is 1.2 or newer, and its certificate can be verified', async () => {
    const { port, close } = await serving(await written('plain', first));
    expect(await asked(port, {})).toBe('served');
    expect(await shown(port, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).toBe('first');
    expect(await shown(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' })).not.toBe(
      'first',
    );
    await close();
  });

  test('takes a new certificate while it serves, and keeps the old one when the new is no good', async () => {
    const files = await written('renewed', first);
    const errors: string[] = [];
    const { port, close } = await serving(files, { ...silentLogger, error: (_, message) => void errors.push(message) });
    expect(await shown(port)).toBe('first');
    await writeFile(files.cert, 'not a certificate');
    await until(() => errors.length > 0);
    expect(await shown(port)).toBe('first');
    await written('renewed', second);
    await until(async () => (await shown(port)) === 'second');
    // The same fault at another time is another fault, also where the certificate in between was the same.
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    await until(async () => {
      await writeFile(files.cert, 'not a certificate');
      await pause();
      await written('renewed', second);
      await pause();
      return errors.length >= 4;
    });
    await close();
  });

  test('lets in only those who show a certificate, where authorities are named', async () => {
    const files = await written('mutual', first);
    const clientCa = join(folder, 'authorities.pem');
    await writeFile(clientCa, client.cert);
    const { port, close } = await serving({ ...files, clientCa });
    expect(await asked(port, { ...client })).toBe('served');
    expect(await asked(port, {})).toMatch(/^refused/);
    expect(await asked(port, { ...second })).toMatch(/^refused/);
    await close();
  });

  test.each([
    [
      'a file that is not there',
      async () => ({ ...(await written('a', first)), key: join(folder, 'none.pem') }),
      'there is no such file',
    ],
    [
      'no PEM',
      async () => {
        const files = await written('b', first);
        await writeFile(files.cert, 'hello');
        return files;
      },
      'is no PEM',
    ],
    [
      'a key of another certificate',
      async () => ({ ...(await written('c', first)), key: (await written('d', second)).key }),
      'the key is not the one of the certificate',
    ],
  ] as const)('says what is wrong with %s, and not what the files hold', async (_, make, message) => {
    const error = await openTls({ files: await make(), logger: silentLogger }).then(
      () => undefined,
      (thrown: unknown) => thrown as { code: string; problems: { message: string }[] },
    );
    expect(error).toMatchObject({ code: 'settings_invalid' });
    expect(error!.problems.map((problem) => problem.message).join()).toContain(message);
    expect(JSON.stringify(error!.problems)).not.toContain('PRIVATE');
  });
});
