import type { Examples } from './examples.js';
import { repack, rowsOf, type PackedExamples, type RequestPicks } from './packing.js';
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
  let left: PackedExamples | undefined;
  for (let next = 0; next < order.length;) {
    const window = left === undefined ? [] : [left];
    const picks = left === undefined ? [] : [allOf(left, 0)];
    for (const end = Math.min(order.length, next + windowChunks); next < end; next++) {
      const { packed, first, end: last } = await spool.packed(order[next] as number, range);
      picks.push({ ...allOf(packed, window.length), requests: countFrom(first, last) });
      window.push(packed);
    }
    const cuts = cutIntoBatches(window, shuffled(joined(picks), random), rows);
    left = next < order.length ? repack(window, cuts.pop() ?? joined([])) : undefined;
    for (const cut of cuts) yield spool.unpack(window, cut);
  }
}

const countFrom = (first: number, end: number): Int32Array =>
  Int32Array.from({ length: end - first }, (_, i) => first + i);

/** Every request of one source. */
const allOf = ({ starts }: PackedExamples, source: number): RequestPicks => ({
  from: new Int32Array(starts.length - 1).fill(source),
  requests: countFrom(0, starts.length - 1),
});

function joined(parts: readonly RequestPicks[]): RequestPicks {
  const total = parts.reduce((sum, { requests }) => sum + requests.length, 0);
  const all = { from: new Int32Array(total), requests: new Int32Array(total) };
  let at = 0;
  for (const { from, requests } of parts) {
    all.from.set(from.subarray(0, requests.length), at);
    all.requests.set(requests, at);
    at += requests.length;
  }
  return all;
}

function shuffled(picks: RequestPicks, random: SeededRandom | undefined): RequestPicks {
  if (random === undefined) return picks;
  const order = permutation(picks.requests.length, random);
  return { from: order.map((i) => picks.from[i] as number), requests: order.map((i) => picks.requests[i] as number) };
}

/** Runs of picks of at most `rows` rows each, unless one request alone has more. */
function cutIntoBatches(sources: readonly PackedExamples[], picks: RequestPicks, rows: number): RequestPicks[] {
  const batches: RequestPicks[] = [];
  let first = 0;
  let filled = 0;
  const close = (end: number): void => {
    if (end > first) {
      batches.push({ from: picks.from.subarray(first, end), requests: picks.requests.subarray(first, end) });
    }
    first = end;
    filled = 0;
  };
  picks.requests.forEach((request, i) => {
    const count = rowsOf(sources[picks.from[i] as number] as PackedExamples, request);
    if (filled + count > rows) close(i);
    filled += count;
  });
  close(picks.requests.length);
  return batches;
}
