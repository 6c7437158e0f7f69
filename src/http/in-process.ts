import { createServer, request as send, type RequestListener } from 'node:http';
import { Duplex } from 'node:stream';
import type { MessageClasses } from './messages.js';

export interface InProcess {
  /** Resolves with the status when all of the answer has come. */
  post(path: string, body: string): Promise<number>;
}

/** An application behind Node's own server and parser, over a connection in memory for each request: no port, and nobody else reaches it. */
export const openInProcess = (app: RequestListener, messages: MessageClasses): InProcess => {
  const server = createServer(messages, app);
  const createConnection = (): Duplex => {
    const [client, other] = streamPair();
    server.emit('connection', other);
    return client;
  };
  return {
    post: (path, body) =>
      new Promise((resolve, reject) => {
        const headers = {
          host: '127.0.0.1',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        };
        send({ createConnection, path, method: 'POST', headers }, (response) => {
          response.once('error', reject).once('end', () => resolve(response.statusCode ?? 0));
          response.resume();
        })
          .once('error', reject)
          .end(body);
      }),
  };
};

/** What is written to one is read from the other. */
const streamPair = (): readonly [Duplex, Duplex] => {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        other().push(chunk);
        done();
      },
      final: (done) => {
        other().push(null);
        done();
      },
    });
  const client: Duplex = end(() => server);
  const server: Duplex = end(() => client);
  return [client, server];
};
