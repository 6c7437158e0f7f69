import { requestStarts } from '../../src/features/index.js';
import { concatExamples, selectExamples, type Examples } from './examples.js';
import { permutation, type SeededRandom } from './random.js';
import type { ExampleSpool, RequestRange } from './spool.js';

export interface BatchOptions {
  readonly range: RequestRange;
  /** Rows per batch: as many whole requests as fit; a larger request is a batch of its own. */
  readonly rows: number;
  /** Shuffles whole requests; in order if left out. The batches depend on nothing but these options and the spool. */
  readonly random?: SeededRandom;
  /** How many chunks are in memory and shuffled together; 16 if left out. */
  readonly windowChunks?: number;
}

/**
 * One pass over the range, every request exactly once. Shuffled in two stages, so that memory is bounded by the window:
 * the order of chunks, then the requests of a window of chunks. What does not fill a batch moves on to the next window.
 */
export async function* readBatches(spool: ExampleSpool, options: BatchOptions): AsyncGenerator<Examples> {
  const { range, rows, random, windowChunks = 16 } = options;
  const chunks = spool.chunksOf(range);
  const order = random === undefined ? chunks : [...permutation(chunks.length, random)].map((i) => chunks[i] as number);
  let left: Examples | undefined;
  for (let next = 0; next < order.length;) {
    const parts = left === undefined ? [] : [left];
    for (const end = Math.min(order.length, next + windowChunks); next < end; next++) {
      parts.push(await spool.read(order[next] as number, range));
    }
    const window = concatExamples(parts);
    const { requests } = window.batch;
    const requestOrder =
      random === undefined ? Int32Array.from({ length: requests }, (_, i) => i) : permutation(requests, random);
    const cuts = cutIntoBatches(requestStarts(window.batch), requestOrder, rows);
    left = next < order.length ? selectExamples(window, cuts.pop() ?? new Int32Array(0)) : undefined;
    for (const cut of cuts) yield selectExamples(window, cut);
  }
}

/** Runs of `order` of at most `rows` rows each, unless one request alone has more. */
function cutIntoBatches(starts: Int32Array, order: Int32Array, rows: number): Int32Array[] {
  const batches: Int32Array[] = [];
  let first = 0;
  let filled = 0;
  order.forEach((request, i) => {
    const count = (starts[request + 1] as number) - (starts[request] as number);
    if (filled > 0 && filled + count > rows) {
      batches.push(order.subarray(first, i));
      first = i;
      filled = 0;
    }
    filled += count;
  });
  if (first < order.length) batches.push(order.subarray(first));
  return batches;
}
