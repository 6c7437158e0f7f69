import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '../ending.js';
import { freePort } from '../free-port.js';
import { startGuardedServer, type GuardedServer } from '../guarded.js';
import { redisProgram } from './program.js';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** A Redis server on loopback, started by {@link startRedis}. A temporary data folder goes with `stop`. */
export interface RedisServer extends GuardedServer {
  /** redis://127.0.0.1:port; stays the same across `restart`. */
  readonly url: string;
  readonly version: string;
}

export interface RedisServerOptions {
  /** 0 picks a free one. */
  readonly port?: number;
  /** Kept when it ends; temporary if left out. */
  readonly dataDirectory?: string;
  /** Where the server is kept between runs, if it had to be fetched. */
  readonly cacheDirectory?: string;
  /** Further arguments, such as `--requirepass secret`. */
  readonly more?: readonly string[];
}

/** Starts a Redis server on loopback and resolves when it answers. It never outlives this process. */
export const startRedis = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const { path, version } = await redisProgram(options.cacheDirectory ?? join('.cache', 'redis'));
  const port = options.port === undefined || options.port === 0 ? await freePort() : options.port;
  const { path: home, remove: discard } = await temporaryFolder('watchnext-redis-');
  const dataDirectory = resolve(options.dataDirectory ?? join(home, 'data'));
  const command = [
    ...[path, '--port', String(port), '--bind', '127.0.0.1', '--dir', dataDirectory],
    ...['--appendonly', 'yes', '--save', '', '--daemonize', 'no'],
    ...(options.more ?? []),
  ];

  try {
    await mkdir(dataDirectory, { recursive: true });
    const server = await startGuardedServer({
      name: 'Redis',
      command,
      ready: /Ready to accept connections/,
      startTimeoutMs: START_TIMEOUT_MS,
      stopTimeoutMs: STOP_TIMEOUT_MS,
      onStopped: discard,
    });
    return { ...server, url: `redis://127.0.0.1:${port}`, version };
  } catch (error) {
    await discard();
    throw error;
  }
};
