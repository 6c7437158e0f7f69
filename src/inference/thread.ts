import { Worker } from 'node:worker_threads';
import type { WorkerAnswer, WorkerCall, WorkerReplies, WorkerRequest } from './protocol.js';

/** A worker thread as calls that are answered. */
export interface Thread {
  /** Calls not yet answered. */
  readonly pending: number;
  call<T extends WorkerRequest>(request: T): Promise<WorkerReplies[T['type']]>;
  /** Lets it finish what it was given, then ends it. */
  stop(): Promise<void>;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** `onDeath` is called if the thread ends without having been told to; its pending calls reject. */
export const startThread = (onDeath: (error: Error) => void): Thread => {
  const worker = new Worker(new URL('./worker.js', import.meta.url));
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  let stopping = false;
  let death: Error | undefined;

  worker.on('message', (answer: WorkerAnswer) => {
    const caller = waiting.get(answer.call);
    waiting.delete(answer.call);
    if ('error' in answer) caller?.reject(new Error(answer.error));
    else caller?.resolve(answer.result);
  });
  worker.on('error', (error) => (death = error instanceof Error ? error : new Error(String(error))));
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      death ??= new Error(`the scoring thread ended with code ${code}`);
      for (const caller of waiting.values()) caller.reject(death);
      waiting.clear();
      if (!stopping) onDeath(death);
      resolve();
    });
  });

  const call: Thread['call'] = (request) =>
    new Promise((resolve, reject) => {
      if (death !== undefined) {
        reject(death);
        return;
      }
      waiting.set(++calls, { resolve: resolve, reject });
      worker.postMessage({ call: calls, request } satisfies WorkerCall);
    });

  return {
    get pending() {
      return waiting.size;
    },
    call,
    stop: async () => {
      stopping = true;
      if (death === undefined) await call({ type: 'stop' }).catch(() => undefined);
      await ended;
    },
  };
};
