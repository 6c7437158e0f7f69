import type { StepBatch } from '../types.js';

/** Rows that share requests are summed in blocks of this many; small, because a block costs its square. */
export const blockSize = 16;

/** The batch with its last block filled up: rows of the last request that count nothing. */
export const padRows = (batch: StepBatch): StepBatch => {
  const { requests, rows, requestOf, candidate, labels, weights, bias } = batch;
  const whole = Math.ceil(rows / blockSize) * blockSize;
  if (whole === rows) return batch;
  const filled = <T extends Float32Array | Int32Array>(values: T, out: T): T => {
    out.set(values);
    return out;
  };
  const floats = (values: Float32Array): Float32Array =>
    filled(values, new Float32Array((values.length / rows) * whole));
  return {
    ...batch,
    rows: whole,
    requestOf: filled(requestOf, new Int32Array(whole).fill(requests - 1)),
    candidate: floats(candidate),
    labels: floats(labels),
    weights: floats(weights),
    bias: filled(bias, new Int32Array(whole).fill(-1)),
  };
};

/** The network's RequestSums as arrays. */
export interface RequestSumArrays {
  readonly local: Int32Array; // [blocks * blockSize]
  readonly first: Int32Array; // [requests]
  readonly carried: Int32Array; // [requests]
  readonly chain: Float32Array; // [blocks * blocks]
}

/** For rows in order of their requests, whole blocks of them; every request has at least one row. */
export const requestSums = (requestOf: Int32Array, requests: number): RequestSumArrays => {
  const blocks = requestOf.length / blockSize;
  const local = new Int32Array(requestOf.length);
  const first = new Int32Array(requests).fill(-1);
  const carried = new Int32Array(requests);
  const chain = new Float32Array(blocks * blocks);
  let previous = -1;
  for (let row = 0; row < requestOf.length; row++) {
    const request = requestOf[row] as number;
    const block = Math.floor(row / blockSize);
    const start = block * blockSize;
    local[row] = request - (requestOf[start] as number);
    if (request !== previous) {
      if (request !== previous + 1) throw new Error(`request ${previous + 1} of the batch has no rows`);
      first[request] = start + (local[row] as number);
    } else if (row === start) {
      if (carried[request] === 0) carried[request] = block;
      chain[(carried[request] as number) * blocks + block] = 1;
    }
    previous = request;
  }
  if (previous !== requests - 1) throw new Error(`request ${previous + 1} of the batch has no rows`);
  return { local, first, carried, chain };
};
