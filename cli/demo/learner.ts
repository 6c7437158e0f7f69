import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A learner in a process of its own. */
export interface LearnerProcess {
  /** How it ended by itself; undefined while it runs, or when it was stopped. */
  readonly ended: string | undefined;
  /** Asks it to end, by its process id, and waits until it has. */
  stop(): Promise<void>;
}

export interface LearnerProcessOptions {
  /** Of `watchnext`. */
  readonly arguments: readonly string[];
  /** What it prints goes here. */
  readonly output: string;
}

const patienceMs = 10_000;

/** Starts `watchnext` as it was started itself, with other arguments. */
export const startLearner = async (options: LearnerProcessOptions): Promise<LearnerProcess> => {
  const [program] = process.argv.slice(1);
  await mkdir(dirname(options.output), { recursive: true });
  const output = createWriteStream(options.output);
  const child = spawn(process.execPath, [...process.execArgv, program ?? '', ...options.arguments], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  let ended: string | undefined;
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      if (!stopping) ended = how;
      output.end();
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) =>
      end(signal === null ? `it ended with code ${code ?? 0}` : `it was ended by ${signal}`),
    );
  });
  return {
    get ended() {
      return ended;
    },
    async stop() {
      stopping = true;
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await exited;
      clearTimeout(impatience);
    },
  };
};
