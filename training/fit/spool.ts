import { createHash } from 'node:crypto';
import { open, mkdtemp, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeExamples, encodeExamples, selectExamples, type Examples } from './examples.js';

export interface SpoolOptions {
  /** Chunks beyond this many bytes go to a temporary file; 256 MiB if left out. */
  readonly memoryBytes?: number;
  /** Where the temporary file lies; the system's folder if left out. */
  readonly directory?: string;
}

/** Requests [first, end) in the order they were appended. */
export interface RequestRange {
  readonly first: number;
  readonly end: number;
}

interface Chunk {
  /** Number of the chunk's first request. */
  readonly first: number;
  readonly requests: number;
  readonly lastTime: number;
  readonly byteLength: number;
  readonly stored: Uint8Array | { readonly offset: number };
}

/**
 * Examples kept for several passes: written once in time order, read back chunk by chunk in any order. The first chunks
 * stay in memory, the rest lie in a temporary file that is gone when the spool is closed, or the process ends.
 */
export class ExampleSpool {
  readonly #options: SpoolOptions;
  readonly #chunks: Chunk[] = [];
  readonly #hash = createHash('sha256');
  #digest: string | undefined;
  #file: { readonly handle: FileHandle; readonly folder: string } | undefined;
  #memoryBytes = 0;
  #fileBytes = 0;
  #rows = 0;
  #requests = 0;

  constructor(options: SpoolOptions = {}) {
    this.#options = options;
  }

  get rows(): number {
    return this.#rows;
  }

  get requests(): number {
    return this.#requests;
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  /** What was appended, in order, as one hash; nothing can be appended after it was asked for. */
  get digest(): string {
    this.#digest ??= this.#hash.digest('hex');
    return this.#digest;
  }

  /** Chunks of about 8,000 rows are a good size: big enough to read fast, small enough that several fit in memory. */
  async append(examples: Examples): Promise<void> {
    const bytes = encodeExamples(examples);
    this.#hash.update(bytes);
    const inMemory = this.#memoryBytes + bytes.byteLength <= (this.#options.memoryBytes ?? 256 * 2 ** 20);
    this.#chunks.push({
      first: this.#requests,
      requests: examples.batch.requests,
      lastTime: examples.times.at(-1) ?? -Infinity,
      byteLength: bytes.byteLength,
      stored: inMemory ? bytes : { offset: await this.#write(bytes) },
    });
    if (inMemory) this.#memoryBytes += bytes.byteLength;
    this.#rows += examples.batch.rows;
    this.#requests += examples.batch.requests;
  }

  /** The chunks that hold requests of the range. */
  chunksOf({ first, end }: RequestRange): number[] {
    return this.#chunks.flatMap((chunk, index) =>
      chunk.first < end && chunk.first + chunk.requests > first ? [index] : [],
    );
  }

  /** One chunk, cut down to the requests of the range. */
  async read(index: number, range: RequestRange): Promise<Examples> {
    const chunk = this.#chunks[index];
    if (chunk === undefined) throw new RangeError(`chunk ${index} of ${this.#chunks.length}`);
    const examples = decodeExamples(await this.#bytesOf(chunk));
    const first = Math.max(0, range.first - chunk.first);
    const end = Math.min(chunk.requests, range.end - chunk.first);
    if (first === 0 && end === chunk.requests) return examples;
    return selectExamples(
      examples,
      Int32Array.from({ length: end - first }, (_, i) => first + i),
    );
  }

  /** The requests of the range, chunk by chunk, in the order they were appended. */
  async *inOrder(range: RequestRange): AsyncGenerator<Examples> {
    for (const index of this.chunksOf(range)) yield await this.read(index, range);
  }

  async rowsOf(range: RequestRange): Promise<number> {
    let rows = 0;
    for await (const { batch } of this.inOrder(range)) rows += batch.rows;
    return rows;
  }

  /** Milliseconds since the epoch. */
  async timeOf(request: number): Promise<number> {
    const [index] = this.chunksOf({ first: request, end: request + 1 });
    const { times } = await this.read(index ?? -1, { first: request, end: request + 1 });
    return times[0] as number;
  }

  /** The first request at or after a time; the number of requests if there is none. Chunks must be in time order. */
  async firstAt(time: number): Promise<number> {
    const index = this.#chunks.findIndex((chunk) => chunk.lastTime >= time);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return this.#requests;
    const { times } = await this.read(index, { first: 0, end: this.#requests });
    return chunk.first + times.findIndex((at) => at >= time);
  }

  async close(): Promise<void> {
    this.#chunks.length = 0;
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
    if (file !== undefined) await rm(file.folder, { recursive: true, force: true });
  }

  async #write(bytes: Uint8Array): Promise<number> {
    if (this.#file === undefined) {
      const folder = await mkdtemp(join(this.#options.directory ?? tmpdir(), 'watchnext-spool-'));
      this.#file = { handle: await open(join(folder, 'examples'), 'w+'), folder };
    }
    const offset = this.#fileBytes;
    await this.#file.handle.writev([bytes], offset);
    this.#fileBytes += bytes.byteLength;
    return offset;
  }

  async #bytesOf({ stored, byteLength }: Chunk): Promise<Uint8Array> {
    if (stored instanceof Uint8Array) return stored;
    if (this.#file === undefined) throw new Error('the spool is closed');
    const bytes = new Uint8Array(byteLength);
    for (let at = 0; at < byteLength;) {
      const { bytesRead } = await this.#file.handle.read(bytes, at, byteLength - at, stored.offset + at);
      if (bytesRead === 0) throw new Error('the spool’s temporary file was cut short');
      at += bytesRead;
    }
    return bytes;
  }
}
