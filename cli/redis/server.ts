import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../free-port.js';
import { startGuarded, type GuardedProcess } from '../guarded.js';
import { redisProgram } from './program.js';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** A Redis server on loopback, started by {@link startRedis}. */
export interface RedisServer {
  /** redis://127.0.0.1:port; stays the same across `restart`. */
  readonly url: string;
  readonly version: string;
  /** Of the newest process after a restart. */
  readonly pid: () => number;
  /** Clean shutdown; resolves when the process is gone. A temporary data folder goes with it. */
  stop(): Promise<void>;
  /** SIGKILL, the data stays: `restart` brings it back. */
  kill(): Promise<void>;
  /** On the same port and data, stopped cleanly before if it runs. */
  restart(): Promise<void>;
  /** Resolves when the process is gone, for whatever reason. */
  ended(): Promise<void>;
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
  const home = await mkdtemp(join(tmpdir(), 'watchnext-redis-'));
  const dataDirectory = resolve(options.dataDirectory ?? join(home, 'data'));
  const command = [
    ...[path, '--port', String(port), '--bind', '127.0.0.1', '--dir', dataDirectory],
    ...['--appendonly', 'yes', '--save', '', '--daemonize', 'no'],
    ...(options.more ?? []),
  ];

  let running: GuardedProcess | undefined;
  const start = async (): Promise<void> => {
    running = await startGuarded({
      name: 'Redis',
      command,
      ready: /Ready to accept connections/,
      timeoutMs: START_TIMEOUT_MS,
    });
  };
  const halt = async (): Promise<void> => {
    const force = setTimeout(() => running?.signal('SIGKILL'), STOP_TIMEOUT_MS);
    running?.signal('SIGTERM');
    await running?.ended;
    clearTimeout(force);
  };
  try {
    await mkdir(dataDirectory, { recursive: true });
    await start();
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    version,
    pid: () => running?.pid ?? 0,
    stop: async () => {
      await halt();
      await rm(home, { recursive: true, force: true });
    },
    kill: async () => {
      running?.signal('SIGKILL');
      await running?.ended;
    },
    restart: async () => {
      await halt();
      await start();
    },
    ended: () => running?.ended ?? Promise.resolve(),
  };
};
