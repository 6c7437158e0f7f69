import { Worker } from 'node:worker_threads';
import { WatchnextError } from '../../src/errors.js';
import { outcomeDescriber } from '../../src/features/index.js';
import {
  mostBufferedBytes,
  openExamplesStream,
  openFairReader,
  type ExamplesStreamOptions,
  type JoinedStreamOptions,
  type StreamPosition,
} from '../../src/join/index.js';
import {
  packRecords,
  type JoinCall,
  type JoinReply,
  type JoinStart,
  type Standing,
  type Taken,
} from './joining-calls.js';
import type { DescribedJoined } from './learner.js';

/** What is learned from, in its order: a JoinedStream whose outcomes come described. */
export interface LearningStream {
  /** As JoinedStream.next; one call at a time. */
  next(how: { readonly most: number; readonly waitMs: number }): Promise<DescribedJoined>;
  /** Everything needed to go on after what `next` has answered; not while it is being asked. */
  snapshot(): Promise<Uint8Array>;
  position(): StreamPosition;
  close(): Promise<void>;
}

/**
 * The same sequence as openJoinedStream, joined in a thread beside learning: records are read here and handed over, what is
 * joined comes back. The thread answers one call after the other, so a snapshot is of exactly what was answered before it.
 * Rejects as openJoinedStream does.
 */
export async function openJoining(options: JoinedStreamOptions): Promise<LearningStream> {
  const { log, definition, snapshot, from = 'start', onDeadLetter } = options;
  const partitions = Array.from({ length: await log.partitions('events') }, (_, partition) => partition);
  const begin = from === 'start' ? (await log.bounds('events')).map(({ first }) => first) : from;
  const thread = startThread({ definition, partitions, start: snapshot ?? begin });
  try {
    let standing = await thread.call<Standing>({ name: 'standing' });
    const reader = await openFairReader({
      log,
      topic: 'events',
      partitions,
      mostBytes: options.mostBufferedBytes ?? mostBufferedBytes,
      state: () => standing.reading,
    });
    let pending: Taken | undefined;
    return {
      async next(how) {
        pending ??= await take(await reader.next(how));
        await Promise.all(pending.letters.map(async (letter) => onDeadLetter?.(letter)));
        const { joined } = pending;
        standing = pending.standing;
        pending = undefined;
        return joined;
      },
      snapshot() {
        if (pending !== undefined) throw new Error('The last call of next() failed: call it again first.');
        return thread.call<Uint8Array>({ name: 'snapshot' });
      },
      position: () => standing.position,
      async close() {
        await reader.close();
        await thread.close();
      },
    };
  } catch (error) {
    await thread.close();
    throw error;
  }

  function take(records: Parameters<typeof packRecords>[0]): Promise<Taken> {
    const packed = packRecords(records);
    return thread.call<Taken>({ name: 'take', records: packed }, [packed.places.buffer, ...packed.values]);
  }
}

/** What `watchnext join` wrote, described here: it is joined already. */
export async function openJoinedElsewhere(options: ExamplesStreamOptions): Promise<LearningStream> {
  const stream = await openExamplesStream(options);
  const describe = outcomeDescriber(options.definition);
  return {
    async next(how) {
      const { outcomes, ...joined } = await stream.next(how);
      return { ...joined, outcomes: describe(outcomes) };
    },
    snapshot: () => Promise.resolve(stream.snapshot()),
    position: () => stream.position(),
    close: () => stream.close(),
  };
}

interface Thread {
  call<T>(call: JoinCall, give?: readonly ArrayBuffer[]): Promise<T>;
  close(): Promise<void>;
}

/** It keeps the process alive only while a call is pending. */
function startThread(start: JoinStart): Thread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./joining-worker.${extension}`, import.meta.url), { workerData: start });
  const pending: { resolve(result: never): void; reject(error: Error): void }[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const call of pending.splice(0)) call.reject(failure);
  };
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the thread that joins has ended')));
  worker.on('message', (reply: JoinReply) => {
    const call = pending.shift();
    if (pending.length === 0) worker.unref();
    if (!('error' in reply)) call?.resolve(reply.result as never);
    else {
      const { code, message, problems } = reply.error;
      call?.reject(code === undefined ? new Error(message) : new WatchnextError(code, message, { problems }));
    }
  });
  return {
    call: (call, give = []) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        worker.ref();
        pending.push({ resolve, reject });
        worker.postMessage(call, give);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}
