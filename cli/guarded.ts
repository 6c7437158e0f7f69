import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { WatchnextError } from '../src/errors.js';

/** A running server, known by its own process id. */
export interface GuardedProcess {
  readonly pid: number;
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * The shell between us and the server kills it when our end of its standard input closes: however the starting process ends,
 * kill -9 included, its server does not outlive it.
 */
const guarded = `
exec 3<&0
"$@" </dev/null 3<&- & server=$!
(cat <&3 >/dev/null; kill -9 $server) 2>/dev/null & guard=$!
echo $server
wait $server; code=$?
kill $guard 2>/dev/null
exit $code`;

const KEPT_LINES = 30;

/** Starts a server and resolves when a line of its output satisfies `ready`; rejects with its last words if it ends before. */
export const startGuarded = async (options: {
  /** What it is called in errors. */
  readonly name: string;
  readonly command: readonly string[];
  readonly ready: RegExp;
  readonly timeoutMs: number;
}): Promise<GuardedProcess> => {
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
    new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), options.timeoutMs))),
  ]);
  clearTimeout(timer);
  if (outcome !== 'ready' || pid === undefined) {
    signal('SIGKILL');
    await ended;
    const reason =
      outcome === 'late' ? `was not ready after ${options.timeoutMs / 1000} s` : 'ended before it was ready';
    throw new WatchnextError('usage', `${options.name} ${reason}`, {
      problems: lastWords.map((line) => ({ path: options.name, message: line })),
    });
  }
  return { pid, ended, signal };
};
