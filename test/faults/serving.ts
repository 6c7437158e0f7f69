import { until } from '../until.js';
import { startCommand, type Command } from './command.js';

const startTimeoutMs = 60_000;
/** Who does not answer in this time is taken for one that hangs. */
const answerTimeoutMs = 30_000;

/** `fetch` that ends. */
export const ask = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(answerTimeoutMs) });

/** `watchnext serve` in a process of its own; resolves when it listens. */
export const startServing = async (
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly command: Command; readonly url: string }> => {
  const command = startCommand(['serve', ...flags, '--log-level', 'info'], env);
  const url = (): string | undefined => /"url":"(http:[^"]+)"/.exec(command.output())?.[1];
  await until(() => url() !== undefined, { of: command, timeoutMs: startTimeoutMs });
  await until(async () => (await ask(`${url()}/readyz`)).ok, { of: command, timeoutMs: startTimeoutMs });
  return { command, url: url() ?? '' };
};

/** The number that a service's metrics say where the pattern's group is; NaN where it is nowhere. */
export const metricAt = async (url: string, pattern: RegExp): Promise<number> =>
  Number(pattern.exec(await (await ask(`${url}/metrics`)).text())?.[1] ?? Number.NaN);
