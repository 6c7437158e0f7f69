import {
  concatBatches,
  decodeFeatureBatch,
  encodeFeatureBatch,
  requestStarts,
  selectRequests,
  type FeatureBatch,
} from '../../src/features/index.js';

/** Whole requests as training sees them: what the features read before any outcome was known, and what came of it. */
export interface Examples {
  readonly batch: FeatureBatch;
  /** [rows, tasks] in natural units, NaN = unknown or masked. */
  readonly labels: Float32Array;
  /** [rows] 1-based, 0 = unknown. */
  readonly positions: Int32Array;
  /** [requests] milliseconds since the epoch. */
  readonly times: Float64Array;
}

/** Examples of the same ranker, one after the other; copies. */
export function concatExamples(parts: readonly Examples[]): Examples {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const batch = concatBatches(parts.map((part) => part.batch));
  const tasks = parts.reduce((width, part) => Math.max(width, taskCount(part)), 0);
  const labels = new Float32Array(batch.rows * tasks);
  const positions = new Int32Array(batch.rows);
  const times = new Float64Array(batch.requests);
  let row = 0;
  let request = 0;
  for (const part of parts) {
    labels.set(part.labels, row * tasks);
    positions.set(part.positions, row);
    times.set(part.times, request);
    row += part.batch.rows;
    request += part.batch.requests;
  }
  return { batch, labels, positions, times };
}

/** The given requests with their rows, in the given order; copies. */
export function selectExamples(examples: Examples, requests: Int32Array): Examples {
  const batch = selectRequests(examples.batch, requests);
  const starts = requestStarts(examples.batch);
  const tasks = taskCount(examples);
  const labels = new Float32Array(batch.rows * tasks);
  const positions = new Int32Array(batch.rows);
  let at = 0;
  for (const request of requests) {
    const end = starts[request + 1] as number;
    for (let row = starts[request] as number; row < end; row++, at++) {
      positions[at] = examples.positions[row] as number;
      for (let task = 0; task < tasks; task++)
        labels[at * tasks + task] = examples.labels[row * tasks + task] as number;
    }
  }
  const times = Float64Array.from(requests, (request) => examples.times[request] as number);
  return { batch, labels, positions, times };
}

const taskCount = ({ labels, batch }: Examples): number => (batch.rows === 0 ? 0 : labels.length / batch.rows);

/**
 * One block of bytes, only ever read back by the process that wrote it: uint32 [length of the features, requests, rows,
 * tasks], times, labels, positions, features. The first and the last are 8-byte aligned, so that reading copies nothing.
 */
export function encodeExamples(examples: Examples): Uint8Array {
  const { batch, labels, positions, times } = examples;
  const features = encodeFeatureBatch(batch);
  const { featuresAt, labelsAt, positionsAt } = placesOf(batch.requests, batch.rows, taskCount(examples));
  const bytes = new Uint8Array(featuresAt + features.byteLength);
  new Uint32Array(bytes.buffer, 0, 4).set([features.byteLength, batch.requests, batch.rows, taskCount(examples)]);
  new Float64Array(bytes.buffer, 16, times.length).set(times);
  new Float32Array(bytes.buffer, labelsAt, labels.length).set(labels);
  new Int32Array(bytes.buffer, positionsAt, positions.length).set(positions);
  bytes.set(features, featuresAt);
  return bytes;
}

/** The inverse of {@link encodeExamples}, as views of `bytes`, which must own its buffer. */
export function decodeExamples({ buffer }: Uint8Array): Examples {
  const [length = 0, requests = 0, rows = 0, tasks = 0] = new Uint32Array(buffer, 0, 4);
  const { featuresAt, labelsAt, positionsAt } = placesOf(requests, rows, tasks);
  return {
    batch: decodeFeatureBatch(new Uint8Array(buffer, featuresAt, length)),
    labels: new Float32Array(buffer, labelsAt, rows * tasks),
    positions: new Int32Array(buffer, positionsAt, rows),
    times: new Float64Array(buffer, 16, requests),
  };
}

function placesOf(requests: number, rows: number, tasks: number) {
  const labelsAt = 16 + 8 * requests;
  const positionsAt = labelsAt + 4 * rows * tasks;
  return { labelsAt, positionsAt, featuresAt: Math.ceil((positionsAt + 4 * rows) / 8) * 8 };
}
