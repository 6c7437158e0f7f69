import { Worker } from 'node:worker_threads';
import { WatchnextError } from '../../src/errors.js';
import { outcomeDescriber } from '../../src/features/index.js';
import {
  ExampleColumns,
  mostBufferedBytes,
  openExamplesStream,
  openFairReader,
  type ExamplesStreamOptions,
  type JoinedStreamOptions,
  type StreamPosition,
} from '../../src/join/index.js';
import {
  packRecords,
  type Failed,
  type JoinCall,
  type JoinReply,
  type JoinStart,
  type SnapshotNews,
  type Standing,
  type Taken,
} from './joining-calls.js';
import type { DescribedJoined } from './learner.js';

/** What is learned from, in its order: a JoinedStream whose outcomes come described. */
export interface LearningStream {
  /** As JoinedStream.next; one call at a time. */
  next(how: { readonly most: number; readonly waitMs: number }): Promise<DescribedJoined>;
  /**
   * Everything needed to go on after what `next` had answered when it was asked for, by frames; not while `next` is being asked,
   * which can be asked meanwhile.
   */
  snapshot(): Promise<Uint8Array[]>;
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
  const thread = startThread({ definition, partitions, start: begin, ...(snapshot && { snapshot: [...snapshot] }) });
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
        return { ...joined, examples: new ExampleColumns(joined.examples) };
      },
      snapshot() {
        if (pending !== undefined) throw new Error('The last call of next() failed: call it again first.');
        return thread.snapshot();
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
    snapshot: () => Promise.resolve([...stream.snapshot()]),
    position: () => stream.position(),
    close: () => stream.close(),
  };
}

interface Thread {
  call<T>(call: JoinCall, give?: readonly ArrayBuffer[]): Promise<T>;
  snapshot(): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

interface Waiting<T> {
  resolve(result: T): void;
  reject(error: Error): void;
}

const errorOf = ({ error: { code, message, problems } }: Failed): Error =>
  code === undefined ? new Error(message) : new WatchnextError(code, message, { problems });

/** It keeps the process alive only while a call is pending, or a snapshot. */
function startThread(start: JoinStart): Thread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./joining-worker.${extension}`, import.meta.url), { workerData: start });
  const pending: Waiting<never>[] = [];
  const snapshots: (Waiting<Uint8Array[]> & { readonly frames: Uint8Array[] })[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const each of [...pending.splice(0), ...snapshots.splice(0)]) each.reject(failure);
  };
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the thread that joins has ended')));
  worker.on('message', (reply: JoinReply | SnapshotNews) => {
    if ('frame' in reply && reply.frame !== undefined) snapshots[0]?.frames.push(reply.frame);
    else if ('frame' in reply || 'unwritten' in reply) {
      const snapshot = snapshots.shift();
      if ('frame' in reply) snapshot?.resolve(snapshot.frames);
      else snapshot?.reject(errorOf(reply.unwritten));
    } else {
      const call = pending.shift();
      if ('error' in reply) call?.reject(errorOf(reply));
      else call?.resolve(reply.result as never);
    }
    if (pending.length + snapshots.length === 0) worker.unref();
  });
  const call: Thread['call'] = (what, give = []) =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      worker.ref();
      pending.push({ resolve, reject });
      worker.postMessage(what, give);
    });
  return {
    call,
    snapshot: () =>
      new Promise((resolve, reject) => {
        const snapshot = { resolve, reject, frames: [] };
        snapshots.push(snapshot);
        call({ name: 'snapshot' }).catch((error: unknown) => {
          const at = snapshots.indexOf(snapshot);
          if (at >= 0) snapshots.splice(at, 1);
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}
