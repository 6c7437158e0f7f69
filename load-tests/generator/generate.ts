import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Plan, Said, Told } from './plan.js';
import type { Recording } from './recording.js';

/** A generator that has made all its requests and waits for the word. */
export interface Generator {
  /** Once. Rejects if the process ends before it has answered. */
  run(urls: readonly string[]): Promise<Recording>;
  /** Ends it, however far it is. */
  stop(): void;
}

/** Starts the generator in a process of its own. `node` are options of Node for it. */
export const startGenerator = async (plan: Plan, node: readonly string[] = process.execArgv): Promise<Generator> => {
  const here = fileURLToPath(import.meta.url);
  const entry = here.replace(/generate(\.[jt]s)$/, 'process$1');
  const child = fork(entry, [], { serialization: 'advanced', execArgv: [...node] });
  let hear: (said: Said) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  child.on('message', (said: Said) => hear(said));
  child.once('error', (error) => fail(error));
  child.once('exit', (code, signal) => fail(new Error(`the load generator ended early: ${signal ?? code}`)));
  const next = (): Promise<Said> =>
    new Promise((resolve, reject) => {
      hear = resolve;
      fail = reject;
    });
  const tell = (told: Told): Promise<Said> => {
    const answer = next();
    child.send(told);
    return answer;
  };
  const stop = (): void => void child.kill('SIGKILL');
  try {
    await next();
    await tell({ plan });
  } catch (error) {
    stop();
    throw error;
  }
  return {
    stop,
    run: async (urls) => {
      const said = await tell({ urls });
      if (typeof said === 'string') throw new Error(`the load generator said ${said} in place of what it recorded`);
      return said.recording;
    },
  };
};

/** Starts it, runs it once and ends it. */
export const generate = async (
  plan: Plan,
  urls: readonly string[],
  node: readonly string[] = process.execArgv,
): Promise<Recording> => {
  const generator = await startGenerator(plan, node);
  try {
    return await generator.run(urls);
  } finally {
    generator.stop();
  }
};
