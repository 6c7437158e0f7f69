import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { NetworkInputs } from '../../../src/features/index.js';
import type { NamedArrays, StepBatch } from '../types.js';
import { createQueue } from './queue.js';
import { sessionOptions } from './session.js';
import { createLearner, type Executor, type LearnerPlan } from './learner.js';

/** What the thread is started with; everything is plain data. */
export interface WorkerStart {
  readonly plan: LearnerPlan;
  readonly initial: NamedArrays;
  readonly threads: number;
}

export type WorkerCall =
  /** Hands over the compiled function that later calls use. */
  | { readonly call: 'graph'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly call: 'step'; readonly batch: StepBatch }
  | { readonly call: 'predict'; readonly inputs: NetworkInputs }
  | { readonly call: 'state' }
  | { readonly call: 'load'; readonly state: NamedArrays }
  | { readonly call: 'close' };

/** Replies come in the order of the calls. */
export type WorkerReply = { readonly result: unknown } | { readonly error: Error };

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);

function serve(port: NonNullable<typeof parentPort>, { plan, initial, threads }: WorkerStart): void {
  const sessions = new Map<string, InferenceSession>();
  const executor: Executor = {
    async run(kind, feeds) {
      const name = 'request_of' in feeds ? kind : `${kind}-direct`;
      const session = sessions.get(name);
      if (session === undefined) throw new Error(`the function ${name} was not handed over`);
      const outputs = await session.run(
        Object.fromEntries(
          session.inputNames.map((input) => {
            const feed = feeds[input];
            if (feed === undefined) throw new Error(`the function ${name} needs ${input}`);
            const { data, shape } = feed;
            return [input, new Tensor(data instanceof Int32Array ? 'int32' : 'float32', data, shape)];
          }),
        ),
      );
      return Object.fromEntries(
        Object.entries(outputs).map(([output, tensor]) => [output, tensor.data as Float32Array]),
      );
    },
    async close() {
      for (const session of sessions.values()) await session.release();
    },
  };
  const learner = createLearner(plan, initial, executor);

  const reply = (message: WorkerReply): void =>
    port.postMessage(message, 'result' in message ? buffersOf(message.result) : []);
  const answer = async (call: WorkerCall): Promise<void> => {
    switch (call.call) {
      case 'graph':
        sessions.set(call.name, await InferenceSession.create(call.bytes, sessionOptions(threads)));
        reply({ result: undefined });
        break;
      case 'step': {
        // The caller prepares the next batch while the weights are moved.
        const { result, update } = await learner.step(call.batch);
        reply({ result });
        update();
        break;
      }
      case 'predict':
        reply({ result: await learner.predict(call.inputs) });
        break;
      case 'state':
        reply({ result: learner.state() });
        break;
      case 'load':
        learner.load(call.state);
        reply({ result: undefined });
        break;
      case 'close':
        await learner.close();
        reply({ result: undefined });
        port.close();
        break;
    }
  };

  const queue = createQueue();
  port.on('message', (call: WorkerCall) => {
    queue(() => answer(call)).catch((error: unknown) => {
      reply({ error: error instanceof Error ? error : new Error(String(error)) });
    });
  });
}

/** The buffers of a result, to be moved instead of copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (result instanceof Float32Array) return [result.buffer as ArrayBuffer];
  if (result instanceof Map) return [...result.values()].flatMap(buffersOf);
  return typeof result === 'object' && result !== null ? Object.values(result).flatMap(buffersOf) : [];
}
