import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A command of ours in a process of its own, to be killed. */
export interface Command {
  readonly pid: number;
  /** Lines of standard output and standard error so far. */
  readonly output: () => string;
  readonly hasEnded: boolean;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

const running = new Set<ChildProcess>();

/** What is built starts faster; the sources need no build. */
const entry = (): string[] =>
  process.env['FAULTS_BUILT'] === 'yes' && existsSync('dist/cli/main.js')
    ? ['dist/cli/main.js']
    : ['--import', './test/typescript/register.js', '--disable-warning=ExperimentalWarning', 'cli/main.ts'];

export function startCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const child = spawn(process.execPath, [...entry(), ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      hasEnded = true;
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    get hasEnded() {
      return hasEnded;
    },
    ended,
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal);
      await ended;
    },
  };
}

/** For `afterAll`: nothing that a test started outlives it. */
export async function stopAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
    }),
  );
}

/** How often things are killed: a few times in every test run, thirty times with npm run test:faults. */
export const kills = Number(process.env['FAULT_KILLS'] ?? 3);

/** How long a log is away. */
export const outageMs = Number(process.env['FAULT_OUTAGE_MS'] ?? 8000);
