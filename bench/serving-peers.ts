import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { atExit } from '../cli/ending.js';
import { freePort } from '../cli/free-port.js';
import { flagsOf } from './peers/python.js';

/** A way of serving the model from Python; bench/peers/serving_apps.py says what each app is. */
export interface PeerSetup {
  readonly app: 'pydantic' | 'lean';
  readonly graph: 'split' | 'joined' | 'rounded';
  readonly workers: number;
  /** Of ONNX Runtime, per worker. */
  readonly threads: number;
}

export interface RunningPeer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const startLimitMs = 30_000;
const stopLimitMs = 5000;

/**
 * Resolves when it answers; rejects with what it said last if it ends or does not answer in time. However this process ends, it
 * does not outlive it.
 */
export const startPeer = async (python: string, bundle: string, setup: PeerSetup): Promise<RunningPeer> => {
  const port = await freePort();
  const script = join('bench', 'peers', 'serving_apps.py');
  // A process group of its own: uvicorn's workers end with it, whatever happens to it.
  const child = spawn(python, [script, ...flagsOf({ ...setup, bundle, port })], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said = `${said}${text.toString()}`.slice(-4000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group is gone.
    }
  };
  const release = atExit(() => kill('SIGKILL'));
  const stop = async (): Promise<void> => {
    kill('SIGTERM');
    await Promise.race([ended, pause(stopLimitMs, undefined, { ref: false })]);
    kill('SIGKILL');
    await ended;
    release();
  };
  const url = `http://127.0.0.1:${port}`;
  const until = performance.now() + startLimitMs;
  while (!isOver() && performance.now() < until) {
    const answered = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answered) return { url, stop };
    await pause(100);
  }
  await stop();
  throw new Error(`${setup.app} did not start: ${said}`);
};
