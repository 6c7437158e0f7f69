import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeAllDurably } from '../durable.js';
import { WatchnextError } from '../errors.js';
import { frameBegin, frameBytes } from '../features/index.js';
import type { Snapshot } from './types.js';

/** How many are kept. */
const kept = 2;
const name = /^(\d+)\.joiner$/;
const draft = 'next.joiner.tmp';

/** What a joiner goes on from: files that appear whole or not at all. One process writes a folder. */
export interface JoinerCheckpoints {
  /**
   * What `use` makes of the newest that it does not refuse; undefined where there is none. Throws checkpoint_damaged if
   * there are some and all are refused.
   */
  latest<T>(use: (snapshot: Snapshot) => T): Promise<T | undefined>;
  /** Frame after frame. Resolves when it is on the disk. Throws learning_stopped when it cannot be written. */
  write(snapshot: Snapshot): Promise<void>;
}

/** `onDamaged` is told of each that was refused when an older one is used. */
export function openJoinerCheckpoints(
  directory: string,
  onDamaged: (error: WatchnextError) => void,
): JoinerCheckpoints {
  const numbers = async (): Promise<number[]> => {
    await mkdir(directory, { recursive: true }).catch((error: unknown) => {
      throw unwritable(directory, error);
    });
    return (await readdir(directory))
      .flatMap((file) => name.exec(file)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  };
  const pathOf = (number: number): string => join(directory, `${String(number).padStart(9, '0')}.joiner`);

  return {
    async latest(use) {
      const refused: WatchnextError[] = [];
      for (const number of await numbers()) {
        const path = pathOf(number);
        try {
          const used = use(await readFrames(path));
          refused.forEach(onDamaged);
          return used;
        } catch (cause) {
          if (!(cause instanceof WatchnextError)) throw cause;
          refused.push(damaged(path, cause));
        }
      }
      const [first] = refused;
      if (first === undefined) return undefined;
      throw new WatchnextError('checkpoint_damaged', `No checkpoint of the joiner in ${directory} can be used.`, {
        problems: refused.flatMap(({ problems }) => problems),
        cause: first,
      });
    },

    async write(snapshot) {
      const [newest = 0, ...older] = await numbers();
      const temporary = join(directory, draft);
      try {
        await rm(temporary, { force: true });
        await writeAllDurably(temporary, snapshot);
        await rename(temporary, pathOf(newest + 1));
        await syncFolder(directory);
        for (const number of [newest, ...older].slice(kept - 1)) await rm(pathOf(number), { force: true });
      } catch (error) {
        throw unwritable(directory, error);
      }
    },
  };
}

/** Each into memory of its own, after it was seen that the file has so many bytes. */
async function readFrames(path: string): Promise<Uint8Array[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const frames: Uint8Array[] = [];
    for (let at = 0; at < size;) {
      const begin = await readAt(file, at, Math.min(frameBegin, size - at));
      const frame = await readAt(file, at, frameBytes(begin, size - at, 'checkpoint of a joiner'));
      frames.push(frame);
      at += frame.length;
    }
    return frames;
  } finally {
    await file.close();
  }
}

/** What a file no longer has stays zero. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, Math.min(length - read, 2 ** 30), position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes;
}

const damaged = (path: string, cause: WatchnextError): WatchnextError =>
  new WatchnextError('checkpoint_damaged', `The checkpoint ${path} cannot be used: ${cause.message}`, {
    problems: [{ path, message: cause.message, hint: 'delete the folder, and join anew from the start of the log' }],
    cause,
  });

const unwritable = (path: string, cause: unknown): WatchnextError => {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WatchnextError('learning_stopped', `Joining stopped: no checkpoint can be written in ${path}.`, {
    problems: [{ path, message, hint: 'make room or make it writable, then start again: nothing is lost' }],
    cause,
  });
};
