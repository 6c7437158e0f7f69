import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A built service in a process of its own. */
export interface Serving {
  readonly url: string;
  /** How it ended, once it did; while it runs undefined. */
  readonly ending: () => string | undefined;
  /** Lines that it logged as errors, and lines that are no log lines. */
  readonly complaints: readonly string[];
  stop(): Promise<void>;
}

/** On a machine that does much else. */
const startTimeoutMs = 60_000;

/** Starts `watchnext serve` and resolves when it is ready; throws with what it said if it is not in time. */
export const serve = async (command: string, flags: readonly string[]): Promise<Serving> => {
  const child = spawn(process.execPath, [command, 'serve', ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  const complaints: string[] = [];
  let ending: string | undefined;
  let url: string | undefined;
  child.once('exit', (code, signal) => void (ending = `exit ${code ?? signal ?? 'unknown'}`));
  createInterface({ input: child.stderr }).on('line', (line) => {
    const said = parsed(line);
    if (typeof said?.url === 'string') url ??= said.url;
    if (typeof said?.level !== 'number' || said.level >= errorLevel) complaints.push(line);
  });
  const stop = async (): Promise<void> => {
    if (ending !== undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  };
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    if (url !== undefined && (await isReady(url))) return { url, complaints, stop, ending: () => ending };
    if (ending !== undefined || Date.now() > deadline) {
      const reason = ending ?? `not ready within ${startTimeoutMs / 1000} s`;
      await stop();
      throw new Error(`the service did not start (${reason}):\n${complaints.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

/** Of the logger; what is less is no complaint. */
const errorLevel = 50;

const parsed = (line: string): { readonly url?: unknown; readonly level?: unknown } | undefined => {
  try {
    return JSON.parse(line) as object;
  } catch {
    return undefined;
  }
};
