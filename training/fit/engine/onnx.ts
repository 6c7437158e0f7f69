import { Worker, type Transferable } from 'node:worker_threads';
import type { NetworkInputs } from '../../../src/features/index.js';
import { initialParameters } from '../../network/index.js';
import { SeededRandom } from '../random.js';
import type { Engine, EngineOptions, NamedArrays, StepBatch, StepResult } from '../types.js';
import { isDirect } from './learner.js';
import { compileFunction, createModel, type GraphName } from './model.js';
import type { WorkerCall, WorkerReply, WorkerStart } from './worker.js';

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Training on ONNX Runtime: the step is traced from the tfjs functions and runs in a thread of its own, because ONNX
 * Runtime blocks the thread that runs it; the caller prepares the next batch meanwhile. Functions are compiled when
 * they are first needed.
 */
export const createOnnxEngine = async (options: EngineOptions): Promise<Engine> => {
  const { definition, layout, seed, threads = 2 } = options;
  const model = createModel(definition, layout);
  const start: WorkerStart = {
    plan: model.plan,
    initial: initialParameters(model.plan, new SeededRandom(seed)),
    threads,
  };
  const thread = await startThread(start);
  const compiled = new Set<GraphName>();

  const prepare = (kind: 'step' | 'predict', inputs: NetworkInputs): void => {
    const name: GraphName = isDirect(inputs) ? `${kind}-direct` : kind;
    if (compiled.has(name)) return;
    compiled.add(name);
    const { bytes } = compileFunction(model, name);
    // The call that needs it fails too, and tells the caller.
    thread.ask({ call: 'graph', name, bytes }).catch(() => compiled.delete(name));
  };

  return {
    kind: 'onnx',
    step: (batch) => {
      prepare('step', batch);
      const owned = ownedBatch(batch);
      return thread.ask<StepResult>({ call: 'step', batch: owned.value }, owned.transfer);
    },
    predict: (inputs) => {
      prepare('predict', inputs);
      const owned = ownedInputs(inputs);
      return thread.ask<Float32Array>({ call: 'predict', inputs: owned.value }, owned.transfer);
    },
    state: () => thread.ask<NamedArrays>({ call: 'state' }),
    load: async (state) => {
      await thread.ask({ call: 'load', state: new Map(state) });
    },
    close: () => thread.close(),
  };
};

interface Thread {
  ask<T = unknown>(call: WorkerCall, transfer?: readonly Transferable[]): Promise<T>;
  close(): Promise<void>;
}

/** A worker that answers calls in order. It keeps the process alive only while a call is pending. */
const startThread = async (start: WorkerStart): Promise<Thread> => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData: start });
  const pending: Pending[] = [];
  let failure: Error | undefined;
  let closing: Promise<void> | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const call of pending.splice(0)) call.reject(failure);
  };
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the training thread has ended')));
  worker.on('message', (reply: WorkerReply) => {
    const call = pending.shift();
    // A thread that is closing is waited for: unreferenced, it would let the process end before it.
    if (pending.length === 0 && closing === undefined) worker.unref();
    if ('error' in reply) call?.reject(reply.error);
    else call?.resolve(reply.result as never);
  });
  const ask = <T = unknown>(call: WorkerCall, transfer: readonly Transferable[] = []): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (failure !== undefined || closing !== undefined) {
        reject(closing === undefined ? (failure as Error) : new Error('the engine is closed'));
        return;
      }
      worker.ref();
      pending.push({ resolve, reject });
      worker.postMessage(call, [...new Set(transfer)]);
    });
  await new Promise<void>((resolve, reject) => {
    worker.once('online', () => resolve());
    worker.once('error', reject);
  });
  worker.unref();
  return {
    ask,
    close: () => {
      closing ??= ask({ call: 'close' }).then(() => exited);
      return closing;
    },
  };
};

interface Owned<T> {
  readonly value: T;
  readonly transfer: readonly Transferable[];
}

const ownedInputs = ({ requests, rows, request, candidate, requestOf }: NetworkInputs): Owned<NetworkInputs> => {
  const value = { requests, rows, request: own(request), candidate: own(candidate), requestOf: own(requestOf) };
  return {
    value,
    transfer: [value.request, value.candidate, value.requestOf].map(({ buffer }) => buffer as ArrayBuffer),
  };
};

const ownedBatch = (batch: StepBatch): Owned<StepBatch> => {
  const inputs = ownedInputs(batch);
  const { seed, learningRate, progress = 1 } = batch;
  const rest = { labels: own(batch.labels), weights: own(batch.weights), bias: own(batch.bias) };
  return {
    value: { ...inputs.value, ...rest, seed, learningRate, progress },
    transfer: [...inputs.transfer, ...Object.values(rest).map(({ buffer }) => buffer as ArrayBuffer)],
  };
};

/** The array itself if it can be moved to another thread alone, else a copy. */
const own = <T extends Float32Array | Int32Array>(array: T): T =>
  array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength ? array : (array.slice() as T);
