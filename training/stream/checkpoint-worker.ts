import { parentPort } from 'node:worker_threads';
import { writeSections, type Sections } from '../sections/index.js';

/** Write this there; then give the arrays of tables back, to be filled again. */
export interface WriteCall {
  readonly path: string;
  readonly sections: Sections;
  /** By table: the array it was copied to. */
  readonly buffers: ReadonlyMap<string, Uint32Array<ArrayBuffer>>;
}

/** Only make room, before the first write: by table, for how many words. */
export interface RoomCall {
  readonly room: ReadonlyMap<string, number>;
}

export type WriterReply = { readonly buffers: ReadonlyMap<string, Uint32Array<ArrayBuffer>> } & (
  { readonly failure?: undefined } | { readonly failure: { readonly code: string; readonly message: string } }
);

/** How much larger than now, so that a table can grow between checkpoints without memory having to be found. */
const slack = 1.3;

/** Memory that the system has really given: found now, in this thread, and not while learning waits. */
const found = (words: number): Uint32Array<ArrayBuffer> => new Uint32Array(words).fill(0);

const port = parentPort;
port?.on('message', (call: WriteCall | RoomCall) => {
  if ('room' in call) {
    const buffers = new Map([...call.room].map(([name, words]) => [name, found(words)]));
    reply({ buffers });
    return;
  }
  void write(call).then(reply);
});

async function write({ path, sections, buffers }: WriteCall): Promise<WriterReply> {
  try {
    await writeSections(path, sections);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { buffers, failure: { code, message } };
  }
  const roomy = [...buffers].map(([name, buffer]) => {
    const used = sections.arrays.get(`tables/${name}`)?.length ?? 0;
    return [name, used * (1 + (slack - 1) / 2) > buffer.length ? found(Math.ceil(used * slack)) : buffer] as const;
  });
  return { buffers: new Map(roomy) };
}

function reply(message: WriterReply): void {
  port?.postMessage(
    message,
    [...message.buffers.values()].map(({ buffer }) => buffer),
  );
}
