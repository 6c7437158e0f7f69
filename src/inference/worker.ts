import { parentPort } from 'node:worker_threads';
import type { WorkerAnswer, WorkerCall, WorkerReplies, WorkerRequest } from './protocol.js';
import { openSession, probeDevice, type ModelSession } from './session.js';

/**
 * The thread in which models run, because ONNX Runtime blocks the thread that calls it. Requests are answered one after
 * the other, so nothing is unloaded during a run; `stop` ends the thread from inside, because terminating one that is
 * inside ONNX Runtime aborts the whole process.
 */
const port = parentPort;
const sessions = new Map<number, ModelSession>();
let last = Promise.resolve();

const answer = async (request: WorkerRequest): Promise<WorkerReplies[keyof WorkerReplies]> => {
  switch (request.type) {
    case 'probe':
      await probeDevice(request.device);
      return undefined;
    case 'load':
      sessions.set(request.model, await openSession(request.content, request.device));
      return undefined;
    case 'score': {
      const session = sessions.get(request.model);
      if (session === undefined) throw new Error(`model ${request.model} is not loaded`);
      return session.score(request.batch);
    }
    case 'unload':
      await sessions.get(request.model)?.release();
      sessions.delete(request.model);
      return undefined;
    case 'stop':
      for (const session of sessions.values()) await session.release();
      sessions.clear();
      return undefined;
  }
};

const handle = async ({ call, request }: WorkerCall): Promise<void> => {
  try {
    const result = await answer(request);
    const buffers = result === undefined ? [] : [result.heads.buffer, ...(result.gates ? [result.gates.buffer] : [])];
    port?.postMessage({ call, result } satisfies WorkerAnswer, buffers as ArrayBuffer[]);
  } catch (error) {
    port?.postMessage({ call, error: error instanceof Error ? error.message : String(error) } satisfies WorkerAnswer);
  }
  if (request.type === 'stop') port?.close();
};

port?.on('message', (call: WorkerCall) => {
  last = last.then(() => handle(call));
});
