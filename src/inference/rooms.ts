import type { SharedMemory } from '../embeddings/index.js';

/** Shared memory that is used again. */
export interface Rooms {
  /** At most an eighth more than asked for. */
  readonly take: SharedMemory;
  /** Nobody reads it any more, in whatever thread. */
  readonly giveBack: (room: SharedArrayBuffer) => void;
}

/** What waits to be used again; beyond it the oldest is left to the garbage collector. */
const mostFreeBytes = 256 * 2 ** 20;

/**
 * The garbage collector does not count shared memory: a piece that went through several threads goes only when each of them
 * happens to collect its whole heap. That may take minutes, in which every update of a model would leave a graph behind.
 */
export const createRooms = (): Rooms => {
  /** The one given back last at the end. */
  const free: SharedArrayBuffer[] = [];
  let freeBytes = 0;
  const leave = (at: number): SharedArrayBuffer | undefined => {
    const [room] = free.splice(at, 1);
    freeBytes -= room?.byteLength ?? 0;
    return room;
  };
  return {
    take: (bytes) => {
      const size = roomBytes(bytes);
      const found = free.findLastIndex(({ byteLength }) => byteLength === size);
      const room = found < 0 ? undefined : leave(found);
      if (room === undefined) return new SharedArrayBuffer(size);
      new Uint8Array(room).fill(0);
      return room;
    },
    giveBack: (room) => {
      // What a table grew into by itself has a size that nobody asks for: it would only take the place of others.
      if (roomBytes(room.byteLength) !== room.byteLength) return;
      free.push(room);
      freeBytes += room.byteLength;
      while (freeBytes > mostFreeBytes) leave(0);
    },
  };
};

/** Of few sizes, so that what the next version needs fits: tables grow by some rows from one to the next. */
const roomBytes = (bytes: number): number => {
  const step = Math.max(8, 2 ** Math.floor(Math.log2(bytes)) / 8);
  return Math.ceil(bytes / step) * step;
};
