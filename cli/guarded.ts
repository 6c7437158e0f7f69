import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { WatchnextError } from '../src/errors.js';

/** A server on a port and data that outlive its process. */
export interface GuardedServer {
  /** Of the newest process after a restart. */
  readonly pid: () => number;
  /** Clean shutdown; resolves when the process is gone and `onStopped` is done. */
  stop(): Promise<void>;
  /** SIGKILL, the data stays: `restart` brings it back. */
  kill(): Promise<void>;
  /** On the same port and data, stopped cleanly before if it runs. */
  restart(): Promise<void>;
  /** Resolves when the process is gone, for whatever reason. */
  ended(): Promise<void>;
}

export interface GuardedServerOptions {
  /** What it is called in errors. */
  readonly name: string;
  readonly command: readonly string[];
  /** A line of its output that says that it answers. */
  readonly ready: RegExp;
  readonly startTimeoutMs: number;
  /** It is killed when a clean shutdown takes longer. */
  readonly stopTimeoutMs: number;
  readonly onStopped: () => Promise<void>;
}

/** Starts a server and resolves when it is ready; rejects with its last words if it ends before. It never outlives this process. */
export const startGuardedServer = async (options: GuardedServerOptions): Promise<GuardedServer> => {
  const { stopTimeoutMs, onStopped } = options;
  let running = await startGuarded(options);
  const halt = async (): Promise<void> => {
    const force = setTimeout(() => running.signal('SIGKILL'), stopTimeoutMs);
    running.signal('SIGTERM');
    await running.ended;
    clearTimeout(force);
  };
  return {
    pid: () => running.pid,
    stop: async () => {
      await halt();
      await onStopped();
    },
    kill: async () => {
      running.signal('SIGKILL');
      await running.ended;
    },
    restart: async () => {
      await halt();
      running = await startGuarded(options);
    },
    ended: () => running.ended,
  };
};

/** One process of it, known by its own process id. */
interface GuardedProcess {
  readonly pid: number;
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * The shell between us and the server kills it when our end of its standard input closes: however the starting process ends,
 * kill -9 included, its server does not outlive it. The process id is written by what then becomes the server: nothing that the
 * server says can come before it.
 */
const guarded = `
exec 3<&0
sh -c 'echo $$; exec "$@"' sh "$@" </dev/null 3<&- & server=$!
(cat <&3 >/dev/null; kill -9 $server) 2>/dev/null & guard=$!
wait $server; code=$?
kill $guard 2>/dev/null
exit $code`;

const KEPT_LINES = 30;

const startGuarded = async (options: GuardedServerOptions): Promise<GuardedProcess> => {
  // Ctrl-C reaches a whole process group: in one of its own, the server is stopped by us alone, in order.
  const shell: ChildProcess = spawn('sh', ['-c', guarded, 'sh', ...options.command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const lastWords: string[] = [];
  let pid: number | undefined;
  const ended = new Promise<void>((resolve) => {
    shell.once('close', () => {
      shell.stdin?.destroy();
      resolve();
    });
    shell.once('error', () => resolve());
  });
  const isReady = new Promise<void>((resolve) => {
    for (const stream of [shell.stdout, shell.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (pid === undefined && stream === shell.stdout) pid = Number(line);
        else if (lastWords.push(line) > KEPT_LINES) lastWords.shift();
        if (options.ready.test(line)) resolve();
      });
    }
  });
  const signal = (name: 'SIGTERM' | 'SIGKILL'): void => {
    if (pid !== undefined && shell.exitCode === null && shell.signalCode === null) process.kill(pid, name);
  };
  let timer: NodeJS.Timeout | undefined;
  const outcome = await Promise.race([
    isReady.then(() => 'ready' as const),
    ended.then(() => 'ended' as const),
    new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), options.startTimeoutMs))),
  ]);
  clearTimeout(timer);
  if (outcome !== 'ready' || pid === undefined) {
    signal('SIGKILL');
    await ended;
    const reason =
      outcome === 'late' ? `was not ready after ${options.startTimeoutMs / 1000} s` : 'ended before it was ready';
    throw new WatchnextError('usage', `${options.name} ${reason}`, {
      problems: lastWords.map((line) => ({ path: options.name, message: line })),
    });
  }
  return { pid, ended, signal };
};
