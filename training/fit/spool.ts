import { createHash } from 'node:crypto';
import { open, mkdtemp, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Examples } from './examples.js';
import { ExamplePacker, rowsOf, type PackedExamples, type RequestPicks } from './packing.js';

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
  readonly stored: PackedExamples | { readonly offset: number; readonly length: number };
}

/**
 * Examples kept for several passes: written once in time order, read back chunk by chunk in any order. The first chunks
 * stay in memory, the rest lie in a temporary file that is gone when the spool is closed, or the process ends.
 */
export class ExampleSpool {
  readonly #options: SpoolOptions;
  readonly #chunks: Chunk[] = [];
  readonly #hash = createHash('sha256');
  #packer: ExamplePacker | undefined;
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

  /**
   * Appends a chunk; a few thousand rows are a good size. All examples must have the columns and tasks of the first.
   */
  async append(examples: Examples): Promise<void> {
    this.#packer ??= new ExamplePacker(examples);
    const packed = this.#packer.pack(examples);
    const byteLength = packed.words.byteLength + packed.starts.byteLength;
    this.#hash.update(packed.words).update(packed.starts);
    const inMemory = this.#memoryBytes + byteLength <= (this.#options.memoryBytes ?? 256 * 2 ** 20);
    this.#chunks.push({
      first: this.#requests,
      requests: examples.batch.requests,
      lastTime: examples.times.at(-1) ?? -Infinity,
      stored: inMemory ? packed : await this.#write(packed),
    });
    if (inMemory) this.#memoryBytes += byteLength;
    this.#rows += examples.batch.rows;
    this.#requests += examples.batch.requests;
  }

  /** The chunks that hold requests of the range. */
  chunksOf({ first, end }: RequestRange): number[] {
    return this.#chunks.flatMap((chunk, index) =>
      chunk.first < end && chunk.first + chunk.requests > first ? [index] : [],
    );
  }

  /** One chunk, and which of its requests belong to the range. */
  async packed(index: number, range: RequestRange): Promise<RequestRange & { readonly packed: PackedExamples }> {
    const chunk = this.#chunks[index];
    if (chunk === undefined) throw new RangeError(`chunk ${index} of ${this.#chunks.length}`);
    return {
      packed: 'words' in chunk.stored ? chunk.stored : await this.#read(chunk.stored, chunk.requests),
      first: Math.max(0, range.first - chunk.first),
      end: Math.min(chunk.requests, range.end - chunk.first),
    };
  }

  /** Picked requests of packed chunks as columns. */
  unpack(chunks: readonly PackedExamples[], picks: RequestPicks): Examples {
    if (this.#packer === undefined) throw new Error('the spool is empty');
    return this.#packer.unpack(chunks, picks);
  }

  /** The requests of the range, chunk by chunk, in the order they were appended. */
  async *inOrder(range: RequestRange): AsyncGenerator<Examples> {
    for (const index of this.chunksOf(range)) {
      const { packed, first, end } = await this.packed(index, range);
      const requests = Int32Array.from({ length: end - first }, (_, i) => first + i);
      yield this.unpack([packed], { from: new Int32Array(requests.length), requests });
    }
  }

  async rowsOf(range: RequestRange): Promise<number> {
    let rows = 0;
    for (const index of this.chunksOf(range)) {
      const { packed, first, end } = await this.packed(index, range);
      for (let request = first; request < end; request++) rows += rowsOf(packed, request);
    }
    return rows;
  }

  /** Milliseconds since the epoch. */
  async timeOf(request: number): Promise<number> {
    for await (const { times } of this.inOrder({ first: request, end: request + 1 })) return times[0] as number;
    throw new RangeError(`request ${request} of ${this.#requests}`);
  }

  /** The first request at or after a time; the number of requests if there is none. Chunks must be in time order. */
  async firstAt(time: number): Promise<number> {
    const chunk = this.#chunks.find(({ lastTime }) => lastTime >= time);
    if (chunk === undefined) return this.#requests;
    for await (const { times } of this.inOrder({ first: chunk.first, end: chunk.first + chunk.requests })) {
      return chunk.first + times.findIndex((at) => at >= time);
    }
    return this.#requests;
  }

  async close(): Promise<void> {
    this.#chunks.length = 0;
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
    if (file !== undefined) await rm(file.folder, { recursive: true, force: true });
  }

  async #write({ words, starts }: PackedExamples): Promise<{ readonly offset: number; readonly length: number }> {
    if (this.#file === undefined) {
      const folder = await mkdtemp(join(this.#options.directory ?? tmpdir(), 'watchnext-spool-'));
      this.#file = { handle: await open(join(folder, 'examples'), 'w+'), folder };
    }
    const offset = this.#fileBytes;
    const bytes = new Uint8Array(starts.byteLength + words.byteLength);
    bytes.set(new Uint8Array(starts.buffer, starts.byteOffset, starts.byteLength));
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), starts.byteLength);
    for (let at = 0; at < bytes.length;) {
      at += (await this.#file.handle.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
    }
    this.#fileBytes += bytes.length;
    return { offset, length: bytes.length };
  }

  async #read(stored: { readonly offset: number; readonly length: number }, requests: number): Promise<PackedExamples> {
    if (this.#file === undefined) throw new Error('the spool is closed');
    const bytes = new Uint8Array(stored.length);
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await this.#file.handle.read(bytes, at, bytes.length - at, stored.offset + at);
      if (bytesRead === 0) throw new Error('the spool’s temporary file was cut short');
      at += bytesRead;
    }
    const starts = new Uint32Array(bytes.buffer, 0, requests + 1);
    return { starts, words: new Uint32Array(bytes.buffer, starts.byteLength) };
  }
}
