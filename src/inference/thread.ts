import { parentPort, Worker, type Transferable } from 'node:worker_threads';
import { catalogue, WatchnextError, type ErrorCode, type Problem } from '../errors.js';

/** What a thread can be asked: by name, from what is sent to what is answered; everything structured-cloneable. */
export type Calls = Readonly<Record<string, { readonly ask: unknown; readonly answer: unknown }>>;

/** The thread ended before it answered, and not because it was told to. */
export class ThreadDied extends Error {
  override readonly name = 'ThreadDied';
}

/** A worker thread as calls that are answered, one after the other in the order they were made. */
export interface Thread<C extends Calls> {
  /** Calls not yet answered. */
  readonly pending: number;
  /** Share of the time since the last call (the start) in which it worked; 0 to 1. */
  utilisation(): number;
  /** `give` names the buffers of what is asked that are given away. */
  call<N extends keyof C & string>(name: N, ask: C[N]['ask'], give?: readonly Transferable[]): Promise<C[N]['answer']>;
  /**
   * Lets it finish what it was given, then ends it from inside: terminating a thread that is inside ONNX Runtime aborts
   * the whole process.
   */
  stop(): Promise<void>;
}

interface CallMessage {
  readonly call: number;
  readonly name: string;
  readonly ask: unknown;
}
type AnswerMessage =
  { readonly call: number; readonly answer: unknown } | { readonly call: number; readonly error: SentError };
interface SentError {
  readonly message: string;
  readonly code?: ErrorCode;
  readonly problems?: readonly Problem[];
}
interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}
const stopCall = 'stop';

/** `onDeath` is called if the thread ends without having been told to; its pending calls reject. */
export const startThread = <C extends Calls>(entry: URL, onDeath: (error: Error) => void): Thread<C> => {
  const worker = new Worker(entry);
  let utilised = worker.performance.eventLoopUtilization();
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  let stopped: Promise<void> | undefined;
  let cause: Error | undefined;
  let death: ThreadDied | undefined;

  worker.on('message', (message: AnswerMessage) => {
    const caller = waiting.get(message.call);
    waiting.delete(message.call);
    if ('error' in message) caller?.reject(receivedError(message.error));
    else caller?.resolve(message.answer);
  });
  worker.on('error', (error) => (cause = error instanceof Error ? error : new Error(String(error))));
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      death = new ThreadDied(cause?.message ?? `the thread ended with code ${code}`, { cause });
      for (const caller of waiting.values()) caller.reject(death);
      waiting.clear();
      if (stopped === undefined) onDeath(death);
      resolve();
    });
  });

  const send = (name: string, ask: unknown, give: readonly Transferable[] = []): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (death !== undefined) {
        reject(death);
        return;
      }
      waiting.set(++calls, { resolve, reject });
      worker.postMessage({ call: calls, name, ask } satisfies CallMessage, give);
    });

  return {
    utilisation: () => {
      const until = worker.performance.eventLoopUtilization();
      const { utilization } = worker.performance.eventLoopUtilization(until, utilised);
      utilised = until;
      return Number.isFinite(utilization) ? utilization : 0;
    },
    get pending() {
      return waiting.size;
    },
    call: (name, ask, give) => send(name, ask, give),
    stop: () =>
      (stopped ??= send(stopCall, undefined)
        .catch(() => undefined)
        .then(() => ended)),
  };
};

/** Inside a thread: how each call is answered. `transfer` names the buffers of an answer that may be given away. */
export const answerCalls = <C extends Calls>(
  handlers: { readonly [N in keyof C]: (ask: C[N]['ask']) => Promise<C[N]['answer']> | C[N]['answer'] },
  options: { readonly transfer?: (answer: unknown) => Transferable[]; readonly onStop?: () => Promise<void> } = {},
): void => {
  const port = parentPort;
  if (port === null) throw new Error('this module runs in a worker thread');
  const answer = async ({ call, name, ask }: CallMessage): Promise<void> => {
    try {
      const handler = name === stopCall ? options.onStop : handlers[name];
      const result: unknown = await handler?.(ask);
      port.postMessage({ call, answer: result } satisfies AnswerMessage, options.transfer?.(result) ?? []);
    } catch (error) {
      port.postMessage({ call, error: sentError(error) } satisfies AnswerMessage);
    }
    if (name === stopCall) port.close();
  };
  let last = Promise.resolve();
  port.on('message', (message: CallMessage) => {
    last = last.then(() => answer(message));
  });
};

const sentError = (error: unknown): SentError =>
  error instanceof WatchnextError
    ? { message: error.message, code: error.code, problems: error.problems }
    : { message: error instanceof Error ? error.message : String(error) };

const receivedError = ({ message, code, problems = [] }: SentError): Error =>
  code !== undefined && code in catalogue ? new WatchnextError(code, message, { problems }) : new Error(message);
