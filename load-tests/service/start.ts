import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** A running service, in a process of its own. */
export interface ServiceProcess {
  readonly url: string;
  readonly pid: number;
  /** As it printed them at its start; secrets are left out there. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** From the start of the process, in milliseconds. */
  readonly listeningAfterMs: number;
  readonly readyAfterMs: number;
  /** When the process was started, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Drains it; kills it if it takes longer than 20 s. Answers its exit code. */
  stop(): Promise<number | null>;
}

export interface StartOptions {
  /** Folder with dist/cli/main.js: of this checkout, or of another one. */
  readonly root: string;
  /** Settings as flags without their dashes: {models: 'dir', 'log-level': 'warn'}. */
  readonly flags: Readonly<Record<string, string | number>>;
}

const startTimeoutMs = 120_000;
const stopTimeoutMs = 20_000;
const keptLines = 40;
const running = new Set<ChildProcess>();
// However this process ends, no service outlives it.
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Starts it and resolves when it is ready; rejects with its last words if it ends before. */
export const startService = async ({ root, flags }: StartOptions): Promise<ServiceProcess> => {
  const args = Object.entries({ port: 0, 'log-level': 'info', ...flags }).flatMap(([flag, value]) => [
    `--${flag}`,
    String(value),
  ]);
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), 'serve', ...args], {
    env: { ...withoutSettings(process.env), NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const lines: string[] = [];
  const state = { ended: false };
  const gone = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      state.ended = true;
      running.delete(child);
      resolve(code);
    });
  });
  const said: { url?: string; settings: Record<string, unknown>; atMs: number } = { settings: {}, atMs: 0 };
  const hear = (line: string): void => {
    if (lines.push(line) > keptLines) lines.shift();
    const entry = parse(line);
    if (typeof entry['settings'] === 'object') Object.assign(said.settings, entry['settings']);
    if (entry['msg'] !== 'listening' || said.url !== undefined) return;
    said.url = String(entry['url']);
    said.atMs = Date.now();
  };
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const [last = '', ...whole] = (rest + text).split('\n').reverse();
      rest = last;
      whole.reverse().forEach(hear);
    });
  }
  const stop = async (): Promise<number | null> => {
    const force = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    child.kill('SIGTERM');
    const code = await gone;
    clearTimeout(force);
    return code;
  };
  const deadline = startedAtMs + startTimeoutMs;
  for (;;) {
    if (said.url !== undefined && (await isReady(said.url))) break;
    if (state.ended || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the service did not become ready:\n${lines.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    url: said.url,
    pid: child.pid ?? 0,
    settings: said.settings,
    startedAtMs,
    listeningAfterMs: said.atMs - startedAtMs,
    readyAfterMs: Date.now() - startedAtMs,
    stop,
  };
};

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
    ({ status }) => status === 200,
    () => false,
  );

const parse = (line: string): Record<string, unknown> => {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

/** What a shell happens to have set must not decide what is measured. */
const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('WATCHNEXT_')));
