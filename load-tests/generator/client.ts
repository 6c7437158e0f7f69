import { openConnection, type Connection, type Reply } from './connection.js';

/** Sends requests to one or several servers in turn, over at most so many connections to each. */
export interface Client {
  /** Waits for a free connection if all are busy. The status is 0 if it failed, -1 if it took too long, waiting included. */
  send(body: Buffer): Promise<Reply>;
  close(): void;
}

export interface ClientOptions {
  readonly urls: readonly string[];
  readonly path: string;
  /** To each server. */
  readonly connections: number;
  readonly timeoutMs: number;
  /** Texts of at most 32 bytes that are looked for in answers. */
  readonly marks?: readonly string[];
}

export const createClient = (options: ClientOptions): Client => {
  const servers = options.urls.map((url) => createServerClient(url, options));
  let turn = 0;
  return {
    send: (body) => (servers[turn++ % servers.length] ?? refuse).send(body),
    close: () => servers.forEach((server) => server.close()),
  };
};

const failed: Reply = { status: 0, mark: 0 };
const refuse: Client = { send: () => Promise.resolve(failed), close: () => undefined };

const createServerClient = (url: string, options: ClientOptions): Client => {
  const { hostname, port } = new URL(url);
  const { path, connections, timeoutMs, marks } = options;
  const before = `POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\n`;
  const idle: Connection[] = [];
  const waiting = new Set<(connection: Connection | undefined) => void>();
  const all = new Set<Connection>();

  const open = (): Connection => {
    const connection = openConnection({ host: hostname, port: Number(port) }, marks);
    all.add(connection);
    return connection;
  };
  /** The one used last: it is warm, and idle ones may have been closed by the server. */
  const free = (): Connection | undefined => {
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      if (last.open) return last;
      all.delete(last);
    }
    return all.size < connections ? open() : undefined;
  };
  const giveBack = (connection: Connection): void => {
    if (connection.open) idle.push(connection);
    else all.delete(connection);
    const [next] = waiting;
    const usable = next === undefined ? undefined : free();
    if (next === undefined || usable === undefined) return;
    waiting.delete(next);
    next(usable);
  };

  return {
    send: async (body) => {
      let connection = free();
      let giveUp = (): void => undefined;
      const state = { late: false };
      const timer = setTimeout(() => {
        state.late = true;
        if (connection === undefined) giveUp();
        else connection.close();
      }, timeoutMs);
      connection ??= await new Promise((resolve) => {
        waiting.add(resolve);
        giveUp = () => {
          waiting.delete(resolve);
          resolve(undefined);
        };
      });
      const bytes = Buffer.concat([Buffer.from(`${before}content-length: ${body.length}\r\n\r\n`), body]);
      const reply = (await connection?.send(bytes)) ?? failed;
      clearTimeout(timer);
      if (connection !== undefined) giveBack(connection);
      return state.late && reply.status === 0 ? { ...reply, status: -1 } : reply;
    },
    close: () => {
      for (const connection of all) connection.close();
    },
  };
};
