import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EmbeddingTable, TableSnapshot } from '../../src/embeddings/index.js';
import { WatchnextError } from '../../src/errors.js';
import { remedyOf } from '../../src/remedies.js';
import { readCheckpoint, sectionsOf, type CheckpointParts, type StoredCheckpoint } from './checkpoint-file.js';
import type { RoomCall, WriteCall, WriterReply } from './checkpoint-worker.js';

/** How many are kept. */
const kept = 3;
const ending = '.checkpoint';
const leftover = /\.\d+\.tmp$/;

export interface CheckpointsOptions {
  /** Of one ranker alone. */
  readonly directory: string;
  /** Told of a checkpoint that cannot be used, if an older one is. */
  readonly onDamaged: (error: WatchnextError) => void;
}

/**
 * The checkpoints of one learner: each a file that appears whole or not at all, the last three kept. Who learns copies what
 * must be kept, which is all that it waits for; a thread hashes and writes.
 */
export interface Checkpoints {
  /** The newest that is whole; undefined where none was ever written. Throws checkpoint_damaged if none is whole. */
  latest(): Promise<StoredCheckpoint | undefined>;
  /** Finds the memory for copies of these tables before it is needed; without it the first copy takes longer. */
  prepare(tables: ReadonlyMap<string, EmbeddingTable>): Promise<void>;
  /**
   * Copies of the tables for `write`, made now: into the same memory every time. Undefined while the memory is still in
   * use: the last `write` is not done.
   */
  copy(tables: ReadonlyMap<string, EmbeddingTable>): ReadonlyMap<string, TableSnapshot> | undefined;
  /** Takes the arrays over. Resolves when it is on the disk. Throws learning_stopped, with what to do, when it cannot be written. */
  write(parts: CheckpointParts): Promise<void>;
  close(): Promise<void>;
}

export async function openCheckpoints({ directory, onDamaged }: CheckpointsOptions): Promise<Checkpoints> {
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw unwritable(directory, error as NodeJS.ErrnoException);
  });
  const numbers = async (): Promise<number[]> => {
    const names = await readdir(directory);
    // One learner at a time: nobody else is writing here.
    for (const name of names.filter((each) => leftover.test(each))) await rm(join(directory, name), { force: true });
    return names
      .filter((name) => /^\d+\.checkpoint$/.test(name))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
  };
  const pathOf = (number: number): string => join(directory, `${String(number).padStart(9, '0')}${ending}`);
  let last = (await numbers()).at(-1) ?? 0;
  let writer: Writer | undefined;
  let memory: ReadonlyMap<string, TableSnapshot['words']> | undefined;
  let busy = false;

  return {
    async latest() {
      const damaged: WatchnextError[] = [];
      for (const number of (await numbers()).reverse()) {
        try {
          const found = await readCheckpoint(pathOf(number));
          damaged.forEach(onDamaged);
          return found;
        } catch (error) {
          if (!(error instanceof WatchnextError)) throw error;
          damaged.push(error);
        }
      }
      if (damaged.length === 0) return undefined;
      throw new WatchnextError(
        'checkpoint_damaged',
        `None of the ${damaged.length} checkpoints in ${directory} is whole.`,
        {
          problems: damaged.flatMap(({ problems }) =>
            problems.map((problem) => ({
              ...problem,
              hint: 'delete the folder to learn on from the last sealed version',
            })),
          ),
        },
      );
    },

    async prepare(tables) {
      writer ??= startWriter();
      const room = new Map([...tables].map(([name, { byteLength }]) => [name, Math.ceil(byteLength / 4)]));
      memory = (await writer.ask({ room })).buffers;
    },

    copy(tables) {
      if (busy) return undefined;
      return new Map(
        [...tables].map(([name, table]) => {
          const words = memory?.get(name);
          return [name, words === undefined ? table.snapshot() : table.snapshot({ words })];
        }),
      );
    },

    async write(parts) {
      if (busy) throw new Error('one checkpoint at a time');
      busy = true;
      try {
        writer ??= startWriter();
        const { dense, stream } = parts;
        const buffers = new Map([...parts.tables].map(([name, { words }]) => [name, words]));
        const path = pathOf(last + 1);
        const reply = await writer.ask({ path, sections: sectionsOf(parts), buffers }, [
          ...[...buffers.values()].map(({ buffer }) => buffer),
          ...[...dense.values(), ...stream].filter(ownsBuffer).map(({ buffer }) => buffer),
        ]);
        memory = reply.buffers;
        if (reply.failure !== undefined) throw unwritable(path, reply.failure);
        last++;
        for (const number of (await numbers()).slice(0, -kept)) await rm(pathOf(number), { force: true });
      } finally {
        busy = false;
      }
    },

    close: async () => {
      await writer?.close();
    },
  };
}

const ownsBuffer = <T extends Float32Array | Uint8Array>(array: T): array is T & { readonly buffer: ArrayBuffer } =>
  array.buffer instanceof ArrayBuffer && array.buffer.byteLength === array.byteLength;

interface Writer {
  ask(call: WriteCall | RoomCall, transfer?: readonly ArrayBuffer[]): Promise<WriterReply>;
  close(): Promise<void>;
}

/** A thread that answers one call at a time; it keeps the process alive only meanwhile. */
function startWriter(): Writer {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./checkpoint-worker.${extension}`, import.meta.url));
  let waiting: { readonly resolve: (reply: WriterReply) => void; readonly reject: (error: Error) => void } | undefined;
  const settle = (how: (call: NonNullable<typeof waiting>) => void): void => {
    const call = waiting;
    waiting = undefined;
    worker.unref();
    if (call !== undefined) how(call);
  };
  worker.on('message', (reply: WriterReply) => settle(({ resolve }) => resolve(reply)));
  worker.on('error', (error: Error) => settle(({ reject }) => reject(error)));
  worker.on('exit', (code) => settle(({ reject }) => reject(new Error(`the writing thread ended with code ${code}`))));
  return {
    ask: (call, transfer = []) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        worker.ref();
        worker.postMessage(call, [...new Set(transfer)]);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}

function unwritable(
  path: string,
  { code = '', message }: { readonly code?: string | undefined; readonly message: string },
): WatchnextError {
  return new WatchnextError(
    'learning_stopped',
    `Learning stopped: the checkpoint ${path} could not be written (${message}). ` +
      'Nothing is lost: the checkpoint before it and the log hold everything.',
    {
      problems: [
        {
          path,
          message,
          hint: `${remedyOf(code) ?? 'make it writable, or name another folder with --checkpoints'}; then start again: it goes on from the last checkpoint`,
        },
      ],
    },
  );
}
